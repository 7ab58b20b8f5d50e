// The client that the application holds.

import { type Abortable, checkSignal, unlessAborted } from "./abort.js";
import {
  callback,
  flag,
  json,
  jsonObject,
  milliseconds,
  optionalText,
  options,
  text,
  time,
  whole,
} from "./arguments.js";
import { Commands } from "./commands.js";
import { type Config, config, type Options } from "./config.js";
import { Driver, type TokenSource } from "./driver.js";
import { Engine } from "./engine.js";
import { ClosedError, invalid } from "./errors.js";
import type { Attachment, CallieEvent, ConnectionState, EventMap } from "./events.js";
import { EventIterator, nextEvents } from "./iterator.js";
import { watchPage } from "./lifecycle.js";
import { type EventListener, type ListenerOptions, Listeners, pump } from "./listeners.js";
import { Credentials, type LoginOptions, Server } from "./server.js";
import type { Ticket } from "./ticket.js";
import type { Limits, Stats } from "./values.js";
import type { JsonObject } from "./arguments.js";

/** The options of a {@link Client}: either a password or a token is given. */
export interface ClientOptions extends Options {
  password?: string | undefined;
  /** The token of an earlier login. */
  token?: string | undefined;
  /** Whether the user is registered first, unless the name is taken. */
  register?: boolean | undefined;
  /** The name of the new session in the list of the user's sessions. */
  device?: string | undefined;
  /**
   * Returns a new token when the server has ended the session; without it, the client ends. It receives the username
   * and the server's code, such as `SESSION_EXPIRED`. It is called once for each refusal. If it throws, rejects, or
   * takes longer than `requestTimeoutMs`, the client ends.
   */
  tokenSource?: TokenSource | undefined;
}

/** The options of a message. */
export interface SendOptions {
  /** Files, by their URLs. */
  attachments?: readonly Attachment[] | undefined;
  /** Whether the recipient's client is asked to confirm the message; true unless given. Ignored for a broadcast. */
  confirm?: boolean | undefined;
  /**
   * Extensions, a JSON object. The protocol reserves the keys `ack`, which `confirm` sets, and `inReplyTo`, the
   * `payloadId` of the message that this one answers.
   */
  metadata?: JsonObject | undefined;
  /** The message's ID; random unless given. A message that is sent again keeps its ID. */
  messageId?: string | undefined;
  /** The time until the outcome, in milliseconds; the client's `sendTimeoutMs` unless given. */
  timeoutMs?: number | undefined;
}

/** The options of a wait for events. */
export interface NextEventsOptions extends Abortable {
  /** The most events; 64 unless given. */
  max?: number | undefined;
  /** The longest wait for the first, in milliseconds; infinite unless given. */
  timeoutMs?: number | undefined;
}

/** Closes the connections of clients that nobody holds any more. */
const abandoned = new FinalizationRegistry<Driver>((driver) => void driver.disconnect());

/**
 * A user's connection to a server. `for await` iterates over its events, `await using` ends it.
 *
 * The client reconnects after every loss of the connection until {@link disconnect} is called or the server refuses the
 * session. In a page, it reconnects by itself when the network or the page comes back.
 */
export class Client extends Commands implements AsyncIterable<CallieEvent>, AsyncDisposable {
  /** The user. */
  readonly username: string;
  readonly #config: Config;
  readonly #server: Server;
  readonly #options: Partial<ClientOptions>;
  #tokenSource: TokenSource | undefined;
  #credentials: Credentials | undefined;
  #driver: Driver | undefined;
  /** The login that is under way. */
  #login: Promise<Driver> | undefined;
  /** The token whose session {@link logout} ended. */
  #endedToken: string | undefined;
  #listeners: Listeners | undefined;

  /**
   * `url` is `https://…`, or `http://…` without TLS. Nothing is sent before {@link connect}, {@link start} or {@link
   * login}.
   */
  constructor(url: string | URL, username: string, given: ClientOptions) {
    super();
    this.#options = { ...options(given) };
    const { password, token, register, device, tokenSource } = this.#options;
    if ((password === undefined) === (token === undefined)) throw invalid("give either a password or a token");
    this.#config = config(url, this.#options);
    this.#server = new Server(url, this.#options);
    this.username = text(username, "username");
    optionalText(password, "password");
    optionalText(device, "device");
    flag(register, "register", false);
    if (token !== undefined) this.#credentials = new Credentials(this.username, text(token, "token"));
    if (tokenSource !== undefined) callback(tokenSource, "tokenSource");
    this.#tokenSource = tokenSource;
  }

  /** Creates a client and connects it. */
  static async open(url: string | URL, username: string, given: ClientOptions & Abortable): Promise<Client> {
    const client = new Client(url, username, given);
    await client.connect({ signal: given.signal });
    return client;
  }

  /** The session's token: the last one that `tokenSource` returned, if any. Store it safely: it stands for the user. */
  get token(): string {
    return this.credentials.token;
  }

  /** The username with the {@link token}, for the calls of {@link Server}. */
  get credentials(): Credentials {
    const credentials = this.#current();
    if (!credentials) throw invalid("there is no session: call login() or connect() first");
    return credentials;
  }

  #current(): Credentials | undefined {
    const token = this.#driver?.summary().token || undefined;
    const credentials = token ? new Credentials(this.username, token) : this.#credentials;
    return credentials?.token === this.#endedToken ? undefined : credentials;
  }

  /**
   * Logs in without connecting, after registering the user if `register` is set. Messages that are sent from then on
   * wait for the connection. {@link connect} and {@link start} do the same first. Of several concurrent calls, one logs
   * in.
   */
  async login(given?: Abortable): Promise<void> {
    const driver = await this.#started(given);
    if (driver.isClosed) throw new ClosedError("CLOSED", "the client has ended: create a new one");
  }

  async #started(given: Abortable | undefined): Promise<Driver> {
    const { signal } = options(given);
    checkSignal(signal);
    this.#login ??= this.#logIn().catch((error: unknown) => {
      this.#login = undefined;
      throw error;
    });
    const login = this.#login;
    return unlessAborted(signal, () => login);
  }

  async #logIn(): Promise<Driver> {
    const engine = Engine.load();
    // The login below may fail first.
    engine.catch(() => {});
    this.#credentials ??= await this.#enter();
    const { username, token } = this.#credentials;
    const driver = new Driver(await engine, this.#config, username, token, this.#tokenSource);
    this.#driver = driver;
    this.#listeners?.attach(driver);
    abandoned.register(this, driver, this);
    watchPage(driver);
    return driver;
  }

  #enter(): Promise<Credentials> {
    const { password = "", register, device } = this.#options;
    const given: LoginOptions = { device };
    return register
      ? this.#server.registerAndLogin(this.username, password, given)
      : this.#server.login(this.username, password, given);
  }

  /**
   * Logs in if necessary, and waits for one attempt to connect. After a success, the client reconnects as after
   * {@link start}; after an error, it is in its previous state. A refusal by the server ends it.
   *
   * Does nothing on a client that is online. Aborting the call does not cancel the attempt.
   */
  async connect(given?: Abortable): Promise<void> {
    const driver = await this.#started(given);
    await unlessAborted(given?.signal, () => driver.connect());
  }

  /** Logs in if necessary, and begins to connect, without waiting for the connection. */
  async start(given?: Abortable): Promise<void> {
    (await this.#started(given)).start();
  }

  /** Closes the connection until {@link resume}. Messages that wait go on waiting. */
  suspend(): void {
    this.#active().suspend();
  }

  /** Connects again after {@link suspend}, or after a {@link connect} that failed. Any other client stays as it is. */
  resume(): void {
    this.#active().resume();
  }

  /**
   * Tells the client that the network has changed. A client that waits to reconnect tries immediately; a connected one
   * checks that its connection is alive. A client that has ended ignores it. In a page, the client learns of changes by
   * itself.
   */
  networkChanged(): void {
    this.#active().networkChanged();
  }

  /**
   * Ends the client: writes what the server's rate allows at that moment, closes the connection, and waits for the
   * close for a few seconds at most.
   *
   * A message that still waits for its turn ends as `failed` with the code `DISCONNECTED`, one that was written and not
   * answered as `unconfirmed`. To be sure of messages, await their tickets first. Events that have arrived can still be
   * taken.
   */
  async disconnect(): Promise<void> {
    // A login that is under way has nobody to connect for.
    if (!this.#driver && this.#login) await this.#login.catch(() => {});
    await this.#driver?.disconnect();
  }

  /** As {@link disconnect}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  /** Ends the session on the server: its connections close and its token becomes invalid. */
  async logout(given?: Abortable): Promise<void> {
    const credentials = this.#current();
    if (!credentials) return;
    await this.#server.logout(credentials, given);
    this.#endedToken = credentials.token;
    this.#credentials = undefined;
  }

  /**
   * Sends a message, without waiting: it is queued while there is no connection. Await the ticket for the outcome.
   *
   * `recipient` is a username, a group ID or `BROADCAST`. `body` is the text, in Markdown; it may be empty only beside
   * an attachment.
   */
  send(recipient: string, body: string, given?: SendOptions): Ticket {
    const { attachments = [], confirm, metadata, messageId, timeoutMs } = options(given);
    const driver = this.#active();
    if (!Array.isArray(attachments)) throw invalid("attachments must be an array");
    return driver.send([
      text(recipient, "recipient"),
      text(body, "text"),
      optionalText(messageId, "messageId"),
      String(flag(confirm, "confirm", true)),
      metadata === undefined ? undefined : jsonObject(metadata, "metadata"),
      timeoutMs === undefined ? undefined : milliseconds(time(timeoutMs, "timeoutMs")),
      ...attachments.flatMap(attachmentFields),
    ]);
  }

  /** Sends a ping to the server or to a user, and returns the time until the answer, in milliseconds. */
  async ping(recipient = "SERVER"): Promise<number> {
    return this.#active().ping(text(recipient, "recipient"));
  }

  /**
   * Sends a command by name, such as `GET_GROUP`, and returns its result. It need not be a command that this version
   * knows. `parameters` have their names in the protocol.
   */
  async command(name: string, parameters: JsonObject = {}): Promise<JsonObject> {
    const written = jsonObject(parameters, "parameters");
    return ((await this.#active().command(text(name, "name"), written)) ?? {}) as JsonObject;
  }

  protected override async request(name: string, parameters: object): Promise<unknown> {
    return this.#active().command(name, json(parameters, "parameters"));
  }

  protected override tell(name: string, parameters: object): void {
    this.#active().tell(name, json(parameters, "parameters"));
  }

  /** The state of the connection. */
  get state(): ConnectionState {
    return this.#driver?.summary().state ?? { kind: "suspended" };
  }

  /** Traffic counters since the client was created. */
  get stats(): Stats {
    return this.#active().stats();
  }

  /** The server's limits; the protocol's defaults before the first connection. */
  get limits(): Limits {
    return this.#active().summary().limits;
  }

  /**
   * Takes up to `max` events, and waits at most `timeoutMs` for the first; returns an empty array if there was none.
   *
   * Messages among them are confirmed to their senders. The last event is `closed`; after it, the call fails with
   * {@link ClosedError}. Aborting the call loses no event.
   */
  async nextEvents(given?: NextEventsOptions): Promise<CallieEvent[]> {
    const { max = 64, timeoutMs = Number.POSITIVE_INFINITY, signal } = options(given);
    const driver = this.#active();
    whole(max, "max", 1);
    time(timeoutMs, "timeoutMs", { orZero: true });
    checkSignal(signal);
    return nextEvents(driver, max, timeoutMs, signal);
  }

  /**
   * Iterates over the events, up to `closed`. A message counts as taken, and is confirmed to its sender, when the
   * iteration yields it. Leaving the loop loses no event. An aborted iteration fails with the signal's reason.
   */
  events(given?: Abortable): AsyncIterableIterator<CallieEvent> {
    const { signal } = options(given);
    checkSignal(signal);
    return new EventIterator(this.#active(), this, signal);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<CallieEvent> {
    return this.events();
  }

  /**
   * Passes all events to `listener` from now on, in batches. The last event is `closed`. Events cannot be taken in
   * another way, and a client has at most one such listener.
   *
   * If the listener returns a promise, the next batch waits for it. What it throws, or rejects with, is written to the
   * console, and the next batch follows.
   */
  listen(listener: (events: CallieEvent[]) => unknown): void {
    callback(listener, "listener");
    const driver = this.#active();
    driver.queue.listen(() => driver.endError() as ClosedError);
    pump(driver, listener);
  }

  /**
   * Passes the events of one type to `listener` from now on, as an `EventTarget` does. May be called before the client
   * is started. As long as there are such listeners, they have all events: those of other types are dropped, and the
   * messages among all of them are confirmed.
   */
  addEventListener<Type extends keyof EventMap>(
    type: Type,
    listener: EventListener<EventMap[Type]>,
    given?: ListenerOptions,
  ): void {
    const { once, signal } = options(given);
    callback(listener, "listener");
    checkSignal(signal);
    this.#listeners ??= new Listeners();
    this.#listeners.add(text(type, "type"), listener as EventListener<CallieEvent>, flag(once, "once", false), signal);
    if (this.#driver) this.#listeners.attach(this.#driver);
  }

  removeEventListener<Type extends keyof EventMap>(type: Type, listener: EventListener<EventMap[Type]>): void {
    this.#listeners?.remove(type, listener as EventListener<CallieEvent>);
  }

  #active(): Driver {
    if (!this.#driver) throw invalid("the client was not started: call connect(), start() or login() first");
    return this.#driver;
  }
}

function attachmentFields(given: unknown): (string | undefined)[] {
  const { kind, url, metadata, filename, size, filetype } = options(given as Attachment, "an attachment");
  return [
    text(kind, "an attachment's kind"),
    text(url, "an attachment's url"),
    metadata === undefined || Object.keys(metadata).length === 0
      ? undefined
      : jsonObject(metadata, "an attachment's metadata"),
    optionalText(filename, "an attachment's filename"),
    size === undefined ? undefined : String(whole(size, "an attachment's size", 0)),
    optionalText(filetype, "an attachment's filetype"),
  ];
}
