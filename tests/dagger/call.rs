//! A call: what a function does, step by step, and what it returns.

mod texts;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::args::{Globals, Step};
use crate::dotenv::Dotenv;
use crate::engine::Engine;
use crate::module::{Broken, Function, Module};
use crate::names::camel;
use crate::otlp::{self, Span};
use crate::progress::Progress;
use crate::values::{self, Value, Values};
use crate::{Failure, signals};

/// One invocation under way.
pub struct Call<'a> {
    pub module: &'a Module,
    pub engine: &'a Engine,
    pub progress: &'a mut Progress,
    pub dotenv: &'a Dotenv,
    pub constructor: Values,
    /// Of the function that runs.
    args: Values,
    /// What the last container printed.
    stdout: String,
    stderr: String,
    /// Containers that nobody has asked for yet.
    lazy: Vec<Json>,
    /// Of the function that runs.
    span: Span,
}

/// What a function came to.
enum Returned {
    Nothing,
    Json(Json),
    /// Of an object: its type's name, and the text that stands for it.
    Object(String, String),
}

impl<'a> Call<'a> {
    pub fn new(
        module: &'a Module,
        engine: &'a Engine,
        progress: &'a mut Progress,
        dotenv: &'a Dotenv,
        constructor: Values,
    ) -> Self {
        let (args, stdout, stderr, lazy) =
            (Values::new(), String::new(), String::new(), Vec::new());
        let span = otlp::root();
        Self { module, engine, progress, dotenv, constructor, args, stdout, stderr, lazy, span }
    }

    /// Runs the functions on the command line, one on what the other returned, and prints the
    /// last result.
    pub fn run(&mut self, steps: &[Step<'_>], globals: &Globals) -> Result<(), Failure> {
        if self.module.source.broken == Some(Broken::Types) {
            let blocks = "Stderr:\n# dagger/module\n./main.go:1:1: cannot use 1 (untyped int \
                          constant) as string value in return statement\n";
            let failure = Failure::traced("call constructor: exit code: 1");
            return Err(Failure { blocks: blocks.to_owned(), ..failure });
        }
        let Some(_) = steps.first() else {
            print("Query\n");
            return Ok(());
        };
        let mut path = "dagger call".to_owned();
        let mut returned = Returned::Nothing;
        let query = otlp::root().begin("POST /query", &["ui.passthrough"]);
        query.begin(&format!("Query.{}", self.module.name), &[]).end_marked("dag.cached");
        let (root, done) = (query.clone(), query);
        self.span = root;
        for step in steps {
            path = format!("{path} {}", step.kebab);
            returned = match step.function {
                Some(function) => self.function(function, step, &path)?,
                None => self.core(&step.kebab, returned)?,
            };
        }
        done.end(None, None);
        print(&render(&returned, globals.json));
        Ok(())
    }

    fn function(
        &mut self,
        function: &Function,
        step: &Step<'_>,
        path: &str,
    ) -> Result<Returned, Failure> {
        let name = Some(function.name.as_str());
        self.args =
            values::resolve(self.module, name, &function.args, &step.given, self.dotenv, path)?;
        let span = format!("{}.{}", camel(&self.module.name), function.name);
        self.progress.raw_line(&format!("9   : {span}"));
        let above = self.span.clone();
        self.span = above.begin_call(&span, &self.described());
        let done = self.steps(function);
        let failure = done.as_ref().err();
        let error = failure.map(|failure| failure.message.as_str());
        self.progress.span(&span, error);
        self.span.end(error, failure.and_then(|failure| failure.origin.as_deref()));
        if error.is_none() {
            otlp::tick();
        } else {
            above.end(None, None);
        }
        self.span = above;
        done
    }

    fn steps(&mut self, function: &Function) -> Result<Returned, Failure> {
        let kind = function.returns.name();
        let lazy = matches!(kind, "Container" | "Directory" | "File");
        let mut value = Json::Null;
        for step in &function.does {
            if let Some(text) = step.get("return") {
                value = match text {
                    Json::String(text) => self.fill(text)?.into(),
                    other => other.clone(),
                };
            } else if lazy && step.get("exec").is_some() {
                self.lazy.push(step.clone());
            } else {
                self.step(function, step)?;
            }
        }
        if kind == "Void" {
            return Ok(Returned::Nothing);
        }
        let object = !function.returns.is_scalar() && !self.module.source.enums.contains_key(kind);
        if object && !function.returns.is_list() {
            let text = value.as_str().unwrap_or_default().to_owned();
            let own = self.module.source.objects.contains_key(kind);
            let prefix = if own { camel(&self.module.name) } else { String::new() };
            return Ok(Returned::Object(format!("{prefix}{kind}"), text));
        }
        if function.returns.is_list()
            && let Json::String(text) = &value
        {
            value = serde_json::from_str(text).unwrap_or_else(|_| Json::from(vec![text.clone()]));
        }
        Ok(Returned::Json(value))
    }

    /// A function of one of the engine's own types.
    fn core(&mut self, word: &str, on: Returned) -> Result<Returned, Failure> {
        for step in std::mem::take(&mut self.lazy) {
            self.exec(&step)?;
        }
        let Returned::Object(kind, text) = on else { return Ok(on) };
        Ok(match word {
            "sync" => Returned::Object(kind, text),
            "stdout" => Returned::Json(self.stdout.clone().into()),
            "stderr" => Returned::Json(self.stderr.clone().into()),
            "entries" => Returned::Json(values::entries(text.as_ref(), &[]).into()),
            _ => Returned::Json(Value::File(text.into()).text(".contents")?.into()),
        })
    }

    fn step(&mut self, function: &Function, step: &Json) -> Result<(), Failure> {
        let (word, value) = step
            .as_object()
            .and_then(|object| object.iter().next())
            .unwrap_or_else(|| panic!("stand-in.json: `{step}` is no step"));
        let text = value.as_str().map(|text| self.fill(text)).transpose()?;
        let text = text.as_deref().unwrap_or_default();
        let number = value.as_u64().unwrap_or_default();
        match word.as_str() {
            "print" => {
                self.progress.printed(text);
                self.span.print(true, &format!("{text}\n"));
            }
            "exec" => self.exec(step)?,
            "raise" if self.module.is_dang() => return Err(Failure::plain(text)),
            "raise" => return Err(Failure::traced(text)),
            "exit" => {
                let exit = i32::try_from(number).unwrap_or(1);
                let message =
                    format!("call function \"{}\": exit code: {exit}", camel(&function.name));
                let printed = step.get("stderr").and_then(Json::as_str);
                let blocks = printed.map(|text| format!("Stderr:\n{text}\n")).unwrap_or_default();
                return Err(Failure { exit, blocks, ..Failure::traced(&message) });
            }
            "sleep-ms" => {
                let time = Duration::from_millis(number);
                self.engine.wait(self.progress, |elapsed| elapsed >= time)?;
            }
            "touch" => {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(text);
                let line = format!("{}\n", function.name);
                file.and_then(|mut file| file.write_all(line.as_bytes()))
                    .unwrap_or_else(|error| panic!("stand-in.json: touch `{text}`: {error}"));
            }
            "wait-for" => {
                let path = std::path::PathBuf::from(text);
                self.engine.wait(self.progress, |_| path.exists())?;
            }
            "spawn" => leave_behind(text),
            "ignore-signals" => signals::ignore(),
            "write" => raw(step, text.as_bytes()),
            "bytes" => {
                let digits: Vec<char> = text.chars().collect();
                let byte = |pair: &[char]| {
                    let digit = |c: &char| c.to_digit(16).and_then(|d| u8::try_from(d).ok());
                    pair.iter().filter_map(digit).fold(0, |byte, digit| byte << 4 | digit)
                };
                raw(step, &digits.chunks(2).map(byte).collect::<Vec<u8>>());
            }
            "flood" => {
                for line in 1..=number {
                    self.progress.printed(&line.to_string());
                    self.span.print(true, &format!("{line}\n"));
                }
            }
            "spans" => self.span.fill(number),
            "die" => {
                let signal = i32::try_from(number).ok().and_then(|n| n.try_into().ok());
                let signal = signal.unwrap_or(nix::sys::signal::Signal::SIGKILL);
                let mut set = nix::sys::signal::SigSet::empty();
                set.add(signal);
                let _ = set.thread_unblock();
                let _ = nix::sys::signal::raise(signal);
            }
            other => panic!("stand-in.json: unknown step `{other}`"),
        }
        Ok(())
    }

    /// A container that runs a shell text. It is a process of this machine, so that scripts can
    /// do anything that a test needs; it sees nothing of the CLI's environment but `PATH`.
    fn exec(&mut self, step: &Json) -> Result<(), Failure> {
        let script = self.fill(step["exec"].as_str().unwrap_or_default())?;
        let mut command = Command::new("sh");
        command.args(["-c", &script]).env_clear().stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            let value = self.fill(text).map_err(|failure| {
                let message = format!("secret env \"{name}\": {}", failure.message);
                Failure { exit: failure.exit, ..Failure::traced(&message) }
            })?;
            command.env(name, value);
        }
        self.progress.raw_line(&format!("14  : ┆ withExec sh -c '{script}'"));
        let query = self.span.begin("POST /query", &["ui.passthrough"]);
        query.begin("Query.container", &[]).end_marked("dag.cached");
        let words = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let described = query.begin_call("Container.withExec", &[("args", words)]);
        described.end_marked("dag.pending");
        let asked = query.begin("Container.stdout", &[]);
        let work = asked.resume(&described, "resume withExec");
        let mut child = command.spawn().map_err(|error| Failure::traced(&error.to_string()))?;
        signals::container(Some(child.id()));
        let (send, lines) = mpsc::channel::<(bool, Vec<u8>)>();
        let pipes: [(bool, Box<dyn std::io::Read + Send>); 2] = [
            (true, Box::new(child.stdout.take().expect("it was asked for"))),
            (false, Box::new(child.stderr.take().expect("it was asked for"))),
        ];
        for (out, pipe) in pipes {
            let send = send.clone();
            std::thread::spawn(move || {
                let mut pipe = BufReader::new(pipe);
                let mut line = Vec::new();
                while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    if send.send((out, std::mem::take(&mut line))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let masks = self.masks();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        loop {
            match lines.recv_timeout(Duration::from_millis(20)) {
                Ok((out, line)) => {
                    let mut line = String::from_utf8_lossy(&line).into_owned();
                    for mask in &masks {
                        line = line.replace(mask, "***");
                    }
                    self.progress.raw_line(&format!("14  : ┆ [0.1s] | {}", line.trim_end()));
                    described.print(out, &line);
                    if out { stdout.push_str(&line) } else { stderr.push_str(&line) }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => self.engine.check(self.progress)?,
            }
        }
        let status = child.wait().map_err(|error| Failure::traced(&error.to_string()))?;
        signals::container(None);
        let exit = status.code().unwrap_or(137);
        if exit != 0 {
            self.progress.raw_line("14  : ┆ Container.withExec ERROR [0.1s]");
            let block = |name: &str, text: &str| match text.trim_end() {
                "" => String::new(),
                text => format!("{name}:\n{text}\n"),
            };
            let blocks = block("Stdout", &stdout) + &block("Stderr", &stderr);
            let message = format!("exit code: {exit}");
            work.end_process(exit, Some(&message), &described);
            asked.end(Some(&message), Some(&described));
            query.end(None, None);
            let origin = Some(Box::new(described));
            return Err(Failure { exit, blocks, origin, ..Failure::traced(&message) });
        }
        work.end_process(0, None, &described);
        asked.end(None, None);
        query.end(None, None);
        self.progress.raw_line("14  : ┆ Container.withExec DONE [0.1s]");
        (self.stdout, self.stderr) = (stdout, stderr);
        Ok(())
    }
}

/// Starts a grandchild that outlives the call.
#[expect(clippy::zombie_processes, reason = "not being waited for is what it is for")]
fn leave_behind(script: &str) {
    let child = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn();
    child.unwrap_or_else(|error| panic!("stand-in.json: spawn `{script}`: {error}"));
}

fn raw(step: &Json, bytes: &[u8]) {
    let _ = match step["to"].as_str() {
        Some("stdout") => std::io::stdout().lock().write_all(bytes),
        _ => std::io::stderr().lock().write_all(bytes),
    };
    let _ = std::io::stdout().flush();
}

fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// The result on standard output: bare texts without an end of line, lists line by line, objects
/// by their type and identity.
fn render(returned: &Returned, json: bool) -> String {
    match returned {
        Returned::Nothing => String::new(),
        Returned::Object(kind, text) => {
            format!("{kind}@xxh3:{:016x}\n", crate::hash(text.as_bytes()))
        }
        Returned::Json(value) if json => {
            let mut text = Vec::new();
            let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
            let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
            serde::Serialize::serialize(value, &mut serializer).expect("a value is serializable");
            String::from_utf8_lossy(&text).into_owned() + "\n"
        }
        Returned::Json(Json::Null) => "<nil>".to_owned(),
        Returned::Json(Json::String(text)) => text.clone(),
        Returned::Json(Json::Array(items)) => {
            let line = |item: &Json| item.as_str().map_or(item.to_string(), str::to_owned) + "\n";
            items.iter().map(line).collect()
        }
        Returned::Json(other) => other.to_string(),
    }
}
