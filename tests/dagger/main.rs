//! A stand-in for the `dagger` CLI with an engine, for tests: it takes and refuses what the real
//! one (0.21.8) takes and refuses, with the same streams and exit statuses, as far as the agent
//! and its users can tell. `tests/it/stand_in.rs` holds it to recordings of the real one.
//!
//! # Modules
//!
//! A module is a folder with the usual `dagger.json` and, in the place of its source code, a
//! `stand-in.json`:
//!
//! ```json
//! {
//!   "constructor": ["token: Secret", "greeting: String! = \"hello\""],
//!   "enums": {"Level": ["DEBUG", "INFO"]},
//!   "objects": {"Sub": [{"name": "hello", "returns": "String!", "does": [{"return": "hi"}]}]},
//!   "functions": [
//!     {"name": "testOnPush", "args": ["src: Directory!", "eventTrigger: File!"],
//!      "returns": "String!",
//!      "does": [{"print": "testing"}, {"return": "${src.entries}"}]}
//!   ]
//! }
//! ```
//!
//! Names are as listed. An argument is `name: Type` or `name: Type = <JSON>`, or an object with
//! `name`, `type`, `default`, `defaultPath`, `description` and `ignore`; a type without `!` is
//! optional. `returns` defaults to `Void`. `"broken": "syntax"` or `"types"` makes a module that
//! does not compile, `"main": "Other"` one whose main object has another name. An SDK `dang` in `dagger.json` publishes no defaults, as the real one.
//!
//! Steps of `does`, in order: `print` a line; `exec` a shell text as a container (with `env`);
//! `return`; `raise`; `exit`; `sleep-ms`; `touch` a file (a line with the function's name is
//! appended); `wait-for` a file; `spawn` a grandchild that is not waited for; `ignore-signals`;
//! `write` and `bytes` (hexadecimal) raw `to` a stream; `flood` with lines; `die` by a signal.
//! A function that returns a Container, Directory or File runs its `exec`s only when something is
//! chained behind it.
//!
//! `${…}` in a text: an argument, `${file.contents}`, `${folder.entries}`, `${folder.glob}` (how
//! many files), `${folder/path}` (a file's contents), `${self.<constructor argument>}`,
//! `${stdout}` and `${stderr}` of the last `exec`, `${env.NAME}` of the CLI itself.
//!
//! # Engine
//!
//! See [`engine`]: the file at `_EXPERIMENTAL_DAGGER_RUNNER_HOST=unix://<file>` says `up`,
//! `down [2s]`, `killed [2s]`, `stopping`, `delay 300ms` or `version v0.20.1`, may change at any
//! time, and `<file>.log` receives a line of JSON for every invocation.

#![expect(clippy::disallowed_methods, reason = "a program of its own: it has an environment")]
#![expect(unreachable_pub, reason = "nobody but this program uses its modules")]

use std::io::Read as _;
use std::path::Path;

use args::Globals;
use call::Call;
use dotenv::Dotenv;
use engine::Engine;
use module::{Module, Unloadable};
use progress::{Progress, Style, clock, write};

mod args;
mod call;
mod dotenv;
mod engine;
mod graphql;
mod listing;
mod module;
mod names;
mod otlp;
mod progress;
mod signals;
mod values;

/// The version that is imitated.
const VERSION: &str = "v0.21.8";

/// How an invocation fails.
pub struct Failure {
    pub message: String,
    pub exit: i32,
    /// The message carries a trace id.
    traced: bool,
    /// `Stdout:` and `Stderr:` of a process in the engine.
    pub blocks: String,
    /// It was the command line: the command whose usage is to be read.
    pub usage: Option<String>,
    /// What follows the message.
    pub after: String,
    /// Which part of the call it came from, for whoever collects traces.
    pub origin: Option<Box<otlp::Span>>,
}

impl Failure {
    pub fn plain(message: &str) -> Self {
        let (blocks, usage, after) = (String::new(), None, String::new());
        let (message, origin) = (message.to_owned(), None);
        Self { message, exit: 1, traced: false, blocks, usage, after, origin }
    }

    pub fn traced(message: &str) -> Self {
        Self { traced: true, ..Self::plain(message) }
    }

    fn show(&self, argv: &[String]) {
        let mut text = String::new();
        if let Some(path) = &self.usage {
            text.push_str(&format!(
                "{} INF dagger call parse schema summary reason=traverse_error error={:?} \
                 requested_args=\"[{}]\" command_path={path:?} main_object=Query\n",
                clock(),
                self.message,
                argv[1..].join(" ")
            ));
        }
        text.push_str(&format!("Error: {}", self.message));
        if self.traced {
            let id = hash(self.message.as_bytes());
            text.push_str(&format!(" [traceparent:{id:032x}-{id:016x}]"));
        }
        text.push('\n');
        text.push_str(&self.blocks);
        if let Some(path) = &self.usage {
            text.push_str(&format!("Run '{path} --help' for usage.\n"));
        }
        write(&(text + &self.after));
    }
}

fn main() {
    signals::install();
    let argv: Vec<String> = std::env::args().skip(1).collect();
    let engine = Engine::from_environment();
    let exit = run(&argv, &engine);
    engine.log_end(exit);
    std::process::exit(exit);
}

fn run(argv: &[String], engine: &Engine) -> i32 {
    let command = argv.first().map(String::as_str).unwrap_or_default();
    if command == "version" {
        engine.log_start(argv, None, "version", None);
        println!(
            "dagger {} (docker-image://registry.dagger.io/engine:{VERSION}) linux/amd64",
            engine.version()
        );
        return 0;
    }
    if !matches!(command, "query" | "call" | "functions") {
        engine.log_start(argv, None, "unknown", None);
        write(&format!(
            "Error: unknown command {command:?} for \"dagger\"\nRun 'dagger --help' for usage.\n"
        ));
        return 1;
    }
    let globals = match Globals::read(&argv[1..]) {
        Ok(globals) => globals,
        Err(text) => {
            engine.log_start(argv, None, command, None);
            write(&format!("{text}\n"));
            return 1;
        }
    };
    let mut progress = Progress::new(globals.style);
    let done = match command {
        "query" => query(argv, &globals, engine, &mut progress),
        "functions" => functions(argv, &globals, engine, &mut progress),
        _ => call(argv, &globals, engine, &mut progress),
    };
    match done {
        Ok(()) => {
            otlp::finish(None, None);
            0
        }
        Err(failure) => {
            if !failure.blocks.is_empty() {
                otlp::root().print(false, &failure.blocks);
            }
            let (exit, message) = (failure.exit, &failure.message);
            match &failure.origin {
                Some(origin) => {
                    otlp::finish(Some(&format!("exit code {exit}\n\n{message}")), Some(origin));
                }
                None => otlp::finish(Some(message), None),
            }
            if globals.style != Style::Silent {
                write("\n\n");
            }
            failure.show(argv);
            failure.exit
        }
    }
}

fn query(
    argv: &[String],
    globals: &Globals,
    engine: &Engine,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let text = match &globals.document {
        Some(path) => std::fs::read_to_string(path).unwrap_or_default(),
        None => std::io::read_to_string(std::io::stdin().take(1 << 20)).unwrap_or_default(),
    };
    let kind = if text.contains("moduleSource") { "list" } else { "ping" };
    engine.log_start(argv, Some(&text), kind, None);
    engine.connect(progress)?;
    if !globals.no_module {
        // The module of the working directory is loaded too, and can fail.
        let cwd = std::env::current_dir().unwrap_or_default();
        let found = module::find_up(&cwd, "dagger.json").map(|folder| folder.display().to_string());
        if let Some(folder) = found
            && let Err(Unloadable { text, .. }) = Module::load(&folder)
        {
            return Err(Failure::plain(&format!(
                "failed to check if module exists: loading modules: loading module \"{folder}\": \
                 resolving module source \"{folder}\": {text}"
            )));
        }
    }
    let document = graphql::Document::parse(&text).map_err(|why| Failure::plain(&why))?;
    let mut everything = serde_json::json!({"version": engine.version()});
    if document.asks("moduleSource") {
        let reference = document.argument("moduleSource", "refString", &globals.variables);
        let module = Module::load(&reference.unwrap_or_default()).map_err(|unloadable| {
            let field = if unloadable.in_code { "moduleSource.asModule" } else { "moduleSource" };
            let message = format!("make request: input: {field} {}", unloadable.text);
            match unloadable.text.contains("invalid SDK") {
                true => Failure::traced(&message),
                false => Failure::plain(&message),
            }
        })?;
        everything["moduleSource"] = listing::describe(&module);
    }
    print!("{}", document.answer(&everything));
    Ok(())
}

/// The module of a `call` or `functions`.
fn load(globals: &Globals, progress: &mut Progress) -> Result<Option<Module>, Failure> {
    let reference = match &globals.module {
        Some(reference) => Some(reference.clone()),
        None => {
            let cwd = std::env::current_dir().unwrap_or_default();
            module::find_up(&cwd, "dagger.json").map(|folder| folder.display().to_string())
        }
    };
    let Some(reference) = reference else {
        progress.loaded(None);
        return Ok(None);
    };
    match Module::load(&reference) {
        Ok(module) => {
            progress.loaded(None);
            Ok(Some(module))
        }
        Err(Unloadable { text, .. }) => {
            let message = format!(
                "query module objects: loading modules: loading extra module \"{reference}\": \
                 resolving module source \"{reference}\": {text}"
            );
            progress.loaded(Some(&message));
            Err(Failure::traced(&message))
        }
    }
}

fn call(
    argv: &[String],
    globals: &Globals,
    engine: &Engine,
    progress: &mut Progress,
) -> Result<(), Failure> {
    // For the log only: the first word that no flag takes for its value.
    let function = argv[1..].iter().skip_while(|word| *word == "-m" || word.starts_with('-'));
    let function = function.map(String::as_str).find(|word| {
        !word.starts_with('-') && Some(*word) != globals.module.as_deref() && *word != "plain"
    });
    engine.log_start(argv, None, "call", function);
    let typed = argv.iter().position(|word| Some(word.as_str()) == function);
    otlp::start(&typed.map_or_else(|| "call".to_owned(), |from| argv[from..].join(" ")));
    connect(engine, progress)?;
    let loading = otlp::root().begin("load workspace: .", &[]);
    let types = loading.begin("loading type definitions", &["ui.encapsulate"]);
    let query = types.begin("POST /query", &["ui.passthrough"]);
    let source = query.begin("Query.moduleSource", &["ui.internal"]);
    let module = load(globals, progress);
    let error = module.as_ref().err().map(|failure| failure.message.clone());
    for span in [source, query, types, loading] {
        span.end(error.as_deref(), None);
    }
    let module = module?;
    let nothing = Module {
        folder: "/".into(),
        name: String::new(),
        engine_version: String::new(),
        sdk: None,
        source: module::Source::default(),
        dependencies: Vec::new(),
    };
    let module = module.as_ref().unwrap_or(&nothing);
    dependencies(module);
    let dotenv = Dotenv::read(module);
    for notice in dotenv.notices(module) {
        write(&notice);
    }
    let filled = |function: Option<&str>, arg: &str| dotenv.value(module, function, arg).is_some();
    let parsed = args::parse(module, &argv[1..], filled).and_then(|(given, steps)| {
        let constructor = &module.source.constructor;
        let values = values::resolve(module, None, constructor, &given, &dotenv, "dagger call")?;
        Ok((values, steps))
    });
    let error = parsed.as_ref().err().map(|failure| failure.message.as_str());
    otlp::root().begin("parsing command line arguments", &[]).end(error, None);
    progress.parsed(error);
    let (constructor, steps) = parsed?;
    progress.span(&module.name, None);
    Call::new(module, engine, progress, &dotenv, constructor).run(&steps, globals)
}

/// Connects, and tells of it.
fn connect(engine: &Engine, progress: &mut Progress) -> Result<(), Failure> {
    let connect = otlp::root().begin("connect", &[]);
    connect.begin("starting engine", &[]).end(None, None);
    let connecting = connect.begin("connecting to engine", &["ui.encapsulate"]);
    let done = engine.connect(progress);
    let error = done.as_ref().err().map(|failure| failure.message.as_str());
    connecting.end(error, None);
    if error.is_none() {
        let line = format!("{} INF connected name=vm client-version={VERSION}\n", clock());
        connecting.print(false, &line);
        connect.begin("starting session", &["ui.encapsulate"]).end(None, None);
        connect.begin("subscribing to telemetry", &["ui.encapsulated"]).end(None, None);
    }
    connect.end(error, None);
    done
}

/// A `.env` beside a dependency is read for that one's arguments, and its secrets' commands run.
fn dependencies(module: &Module) {
    for module in &module.dependencies {
        dependencies(module);
        let dotenv = Dotenv::read(module);
        dotenv.notices(module).iter().for_each(|notice| write(notice));
        let constructor = &module.source.constructor;
        let given = args::Given::new();
        let _ = values::resolve(module, None, constructor, &given, &dotenv, "dagger call");
    }
}

fn functions(
    argv: &[String],
    globals: &Globals,
    engine: &Engine,
    progress: &mut Progress,
) -> Result<(), Failure> {
    engine.log_start(argv, None, "functions", None);
    engine.connect(progress)?;
    let module = load(globals, progress)?;
    let functions = module.as_ref().map_or(&[][..], |module| &module.source.functions);
    let mut rows: Vec<_> = functions
        .iter()
        .map(|function| {
            let first = function.description.lines().find(|line| !line.is_empty());
            (names::kebab(&function.name), first.unwrap_or("-").to_owned())
        })
        .collect();
    rows.sort();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(4) + 3;
    println!("\u{1b}[1mName\u{1b}[0m{}\u{1b}[1mDescription\u{1b}[0m", " ".repeat(width - 4));
    for (name, description) in rows {
        println!("{name:width$}{description}");
    }
    Ok(())
}

/// A number that stands for some bytes (FNV-1a).
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A number that stands for a file's contents.
pub fn digest(path: &Path) -> u64 {
    hash(&std::fs::read(path).unwrap_or_default())
}
