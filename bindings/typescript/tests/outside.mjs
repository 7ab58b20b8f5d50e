// Installs the package from its tarball into projects outside of the repository, and sends a message from each: outside.mjs FOLDER
//
// FOLDER is empty, and has the tarball as its only file.

import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Files, launch } from "./browser.mjs";
import { TestBed } from "./testbed.mjs";

/** The program of all projects: it logs in, sends a message to itself, and returns the text that arrives. */
const PROGRAM = (entry) => `import { Client } from ${JSON.stringify(entry)};

export async function exchange(url) {
  const client = await Client.open(url, "ada", { password: "correct horse battery", register: true });
  const ticket = client.send("ada", "Grüße aus der Ferne 👋");
  for await (const event of client) {
    if (event.type !== "message") continue;
    const { kind } = await ticket;
    await client.disconnect();
    return event.text + " " + kind;
  }
}
`;
const EXPECTED = "Grüße aus der Ferne 👋 delivered";
const PAGE = (script) =>
  `<!doctype html><meta charset="utf-8"><title>Outside</title><script type="module">${script}</script>`;
const SHOW = (from) => `import { exchange } from ${JSON.stringify(from)}; window.exchange = exchange;`;
const POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; connect-src 'self' http: ws:; style-src 'self'";

const root = fileURLToPath(new URL("..", import.meta.url));
const tools = path.join(root, "node_modules/.bin");
const folder = path.resolve(process.argv[2]);
const [tarball] = await readdir(folder);
const bed = await TestBed.start();
const browser = await launch();

function run(command, args, cwd) {
  execFileSync(command, args, { cwd, stdio: ["ignore", "pipe", "inherit"], timeout: 120_000 });
}

/** Makes a project that has installed the tarball and `packages`, and returns its folder. */
async function project(name, packages = []) {
  const home = path.join(folder, name);
  await mkdir(home);
  await writeFile(path.join(home, "package.json"), '{ "private": true, "type": "module" }');
  const given = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  run("npm", ["install", ...given, path.join(folder, tarball), ...packages], home);
  return home;
}

async function writeProgram(home, entry) {
  await writeFile(path.join(home, "program.js"), PROGRAM(entry));
}

/** Starts a server for the pages of an origin, calls `exchange` of a page, and checks what it returns. */
async function exchangeInPage(name, page, origin) {
  const env = await bed.env();
  try {
    await env.ask(`origin ${origin}`);
    const [url] = await env.ask("server");
    const tab = await browser.newPage();
    await tab.goto(`${origin}${page}`);
    await tab.waitForFunction("window.exchange");
    check(name, await tab.evaluate(`exchange(${JSON.stringify(url)})`));
    await tab.close();
  } finally {
    env.close();
  }
}

function check(name, got) {
  if (got !== EXPECTED) throw new Error(`${name}: ${got}`);
  console.log(`${name} ok`);
}

async function inFiles(name, home, pages) {
  const files = await Files.serve(home, pages, { "Content-Security-Policy": POLICY });
  await exchangeInPage(name, "/index.html", files.origin);
  files.close();
}

const projects = {
  async node(name) {
    const home = await project(name, ["ws@8"]);
    await writeProgram(home, "callie");
    const env = await bed.env();
    const [url] = await env.ask("server");
    const { exchange } = await import(pathToFileURL(path.join(home, "program.js")).href);
    check(name, await exchange(url));
    env.close();
  },

  async "script type=module"(name) {
    const home = await project("plain");
    await writeProgram(home, "/node_modules/callie/dist/callie.js");
    await inFiles(name, home, { "/index.html": PAGE(SHOW("/program.js")) });
  },

  async "script type=module, inline"(name) {
    const home = await project("plain-inline");
    await writeProgram(home, "/node_modules/callie/dist/inline.js");
    await inFiles(name, home, { "/index.html": PAGE(SHOW("/program.js")) });
  },

  async "Vite, built"(name) {
    const home = await viteProject("vite-built", "callie");
    run(path.join(tools, "vite"), ["build", "--logLevel=error"], home);
    await inFiles(name, path.join(home, "dist"));
  },

  async "Vite, served"(name) {
    await served(name, await viteProject("vite-served", "callie"));
  },

  async "Vite, inline, served"(name) {
    await served(name, await viteProject("vite-inline", "callie/inline"));
  },

  async "esbuild, inline"(name) {
    const home = await project("esbuild");
    await writeProgram(home, "callie/inline");
    run(
      path.join(tools, "esbuild"),
      ["program.js", "--bundle", "--format=esm", "--outfile=out/program.js", "--log-level=error"],
      home,
    );
    await inFiles(name, path.join(home, "out"), { "/index.html": PAGE(SHOW("/program.js")) });
  },

  async TypeScript(name) {
    const home = await project("types");
    await cp(path.join(root, "../../examples/typescript/chat.ts"), path.join(home, "chat.ts"));
    const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--lib", "esnext,dom"];
    run(
      path.join(tools, "tsc"),
      [...options, "--typeRoots", path.join(root, "node_modules/@types"), "--types", "node", "chat.ts"],
      home,
    );
    console.log(`${name} ok`);
  },
};

async function viteProject(name, entry) {
  const home = await project(name);
  await writeProgram(home, entry);
  await writeFile(path.join(home, "main.js"), SHOW("./program.js"));
  await writeFile(path.join(home, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  return home;
}

/** Checks a project in Vite's development server, without any settings of the project. */
async function served(name, home) {
  const { createServer } = await import("vite");
  const vite = await createServer({ root: home, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
  await vite.listen();
  const { port } = vite.httpServer.address();
  try {
    await exchangeInPage(name, "/", `http://127.0.0.1:${port}`);
  } finally {
    await vite.close();
  }
}

try {
  for (const [name, work] of Object.entries(projects)) {
    try {
      await work(name);
    } catch (error) {
      console.log(`${name} failed: ${error.message}`);
      console.error(error);
      process.exitCode = 1;
    }
  }
} finally {
  await browser.close();
  await bed.close();
}
