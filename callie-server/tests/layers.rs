//! The modules of every crate of the workspace import in one direction: without circles, and in the server only from
//! lower layers.
//!
//! The test reads the sources. An import is a `use` declaration or a path that begins with `crate`, `self` or `super`.
//! An import of a re-export counts as an import of the module that defines the item. A `mod.rs` and the modules below
//! it are one unit: what a `mod.rs` takes from the modules below it is not counted. Test modules are ignored.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The layers of the server from the lowest to the highest. A module imports from its own layer and from lower ones.
const LAYERS: [&str; 11] =
    ["base", "net", "store", "router", "cache", "cluster", "commands", "gateway", "http", "server", "cli"];

/// A module, as the names on the way from the root of its crate.
type Module = Vec<String>;

/// The modules of one crate and their imports.
#[derive(Default)]
struct Crate {
    /// Every module, and whether it has a folder of its own.
    modules: BTreeMap<Module, bool>,
    /// What each module re-exports: the name, and the path of the item from the root of the crate.
    reexports: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
    /// The paths that each module imports, from the root of the crate.
    imports: BTreeMap<Module, BTreeSet<Vec<String>>>,
}

impl Crate {
    fn read(src: &Path) -> Self {
        let mut files = Vec::new();
        collect(src, &mut files);
        let mut read = Self::default();
        for file in &files {
            let relative = file.strip_prefix(src).unwrap().with_extension("");
            let mut module: Module =
                relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let name = module.last().cloned().unwrap();
            let is_folder = ["mod", "lib", "main"].contains(&name.as_str());
            if is_folder {
                module.pop();
            }
            read.modules.insert(module, is_folder);
        }
        for file in &files {
            let relative = file.strip_prefix(src).unwrap().with_extension("");
            let mut module: Module =
                relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            read.read_imports(&module, &source(file));
        }
        read
    }

    fn read_imports(&mut self, module: &Module, text: &str) {
        let mut imports = BTreeSet::new();
        let mut exported = BTreeMap::new();
        for statement in statements(text) {
            for (path, name) in expand(statement.tree) {
                let Some(path) = self.absolute(module, &path) else { continue };
                if statement.is_public {
                    exported.insert(name, path.clone());
                }
                imports.insert(path);
            }
        }
        for path in inline_paths(text) {
            imports.extend(self.absolute(module, &path));
        }
        self.imports.entry(module.clone()).or_default().extend(imports);
        self.reexports.entry(module.clone()).or_default().extend(exported);
    }

    /// Returns the path from the root of the crate, or `None` for a path of another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let (mut base, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" | "super" => (module.clone(), path),
            child => {
                let mut below = module.clone();
                below.push(child.to_owned());
                return self.modules.contains_key(&below).then(|| [&module[..], path].concat());
            }
        };
        while let Some(step) = rest.first().filter(|step| ["self", "super"].contains(&step.as_str())) {
            if step == "super" {
                base.pop();
            }
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that defines the item at `path`.
    fn resolve(&self, path: &[String], depth: usize) -> Option<Module> {
        let length = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let item = rest.first().and_then(|name| self.reexports.get(module)?.get(name));
        match item {
            Some(item) if depth > 0 && item != path => {
                self.resolve(&[&item[..], &rest[1..]].concat(), depth - 1)
            }
            _ => Some(module.to_vec()),
        }
    }

    /// The modules that each module imports from.
    fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, imports) in &self.imports {
            for to in imports.iter().filter_map(|path| self.resolve(path, 8)) {
                let is_below = self.modules[module] && to.starts_with(module);
                if to != *module && !is_below {
                    arrows.entry(module.clone()).or_default().insert(to);
                }
            }
        }
        arrows
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The text of a file without its test module and its comments.
fn source(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// A `use` declaration.
struct Use<'a> {
    is_public: bool,
    tree: &'a str,
}

fn statements(text: &str) -> Vec<Use<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let before = rest[..at].rsplit('\n').next().unwrap().trim();
        let (tree, after) = match rest[at + 4..].split_once(';') {
            Some(parts) => parts,
            None => break,
        };
        let is_public = before.starts_with("pub");
        if before.is_empty() || is_public && !before.contains(' ') {
            found.push(Use { is_public, tree });
        }
        rest = after;
    }
    found
}

/// The paths of a tree of imports, each with the name that it gets.
fn expand(tree: &str) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    expand_into(&[], tree, &mut found);
    found
}

fn expand_into(prefix: &[String], tree: &str, found: &mut Vec<(Vec<String>, String)>) {
    for part in split_list(tree) {
        if let Some((head, list)) = part.split_once('{') {
            let list = list.trim_end().strip_suffix('}').unwrap_or(list);
            expand_into(&[prefix, &segments(head)].concat(), list, found);
            continue;
        }
        let (path, alias) = part.split_once(" as ").map_or((part, None), |(path, name)| (path, Some(name)));
        let path = [prefix, &segments(path)].concat();
        let Some(last) = path.last().cloned() else { continue };
        found.push((path, alias.map_or(last, |name| name.trim().to_owned())));
    }
}

/// The parts between the commas that stand outside of braces.
fn split_list(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Paths in code that begin with `crate::` or `super::`.
fn inline_paths(text: &str) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| is_word(c) || c == ':') {
                continue;
            }
            let end = text[at..].find(|c: char| !is_word(c) && c != ':').map_or(text.len(), |end| at + end);
            found.push(segments(&text[at..end]));
        }
    }
    found
}

/// The circles among the modules, each as the set of the modules that reach each other.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reach = |from: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = open.pop() {
            for next in arrows.get(&module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> =
        arrows.keys().map(|from| (from, reach(from))).collect();
    let mut found: Vec<BTreeSet<Module>> = Vec::new();
    for (module, targets) in &reached {
        if !targets.contains(*module) || found.iter().any(|circle| circle.contains(*module)) {
            continue;
        }
        let back = targets.iter().filter(|to| reached.get(to).is_some_and(|back| back.contains(*module)));
        found.push(back.cloned().collect());
    }
    found
}

fn show(module: &Module) -> String {
    if module.is_empty() { "the root".to_owned() } else { module.join("::") }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn no_crate_has_a_circle_of_modules() {
    let manifest = std::fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let members = manifest.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    for member in members.split(',').map(|member| member.trim().trim_matches('"')) {
        let src = workspace().join(member).join("src");
        let circles = circles(&Crate::read(&src).arrows());
        let shown: Vec<String> =
            circles.iter().map(|circle| circle.iter().map(show).collect::<Vec<_>>().join(" ↔ ")).collect();
        assert!(shown.is_empty(), "{member} has circles of modules:\n{}", shown.join("\n"));
    }
}

#[test]
fn server_imports_only_from_lower_layers() {
    let read = Crate::read(&workspace().join("callie-server/src"));
    let layer = |module: &Module| {
        let top = module.first().map_or("", String::as_str);
        LAYERS.iter().position(|layer| *layer == top)
    };
    let unknown: BTreeSet<&String> =
        read.modules.keys().filter(|m| layer(m).is_none()).filter_map(|m| m.first()).collect();
    assert!(unknown.is_empty(), "no layer of LAYERS has the modules {unknown:?}");
    let mut up = Vec::new();
    for (from, imports) in read.arrows() {
        // The root only declares the layers and re-exports from them.
        let Some(own) = layer(&from) else { continue };
        for to in imports {
            if layer(&to).is_none_or(|other| other > own) {
                up.push(format!("{} imports from {}", show(&from), show(&to)));
            }
        }
    }
    assert!(up.is_empty(), "imports from a higher layer:\n{}", up.join("\n"));
}
