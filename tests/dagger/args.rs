//! The command line: flags before and behind functions, as the CLI takes and refuses them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::Failure;
use crate::module::{Arg, Function, Kind, Module, Type};
use crate::names::kebab;
use crate::progress::Style;

/// What was said once for the whole invocation.
pub struct Globals {
    pub style: Style,
    pub json: bool,
    pub module: Option<String>,
    /// `-M`.
    pub no_module: bool,
    pub variables: serde_json::Map<String, Json>,
    pub document: Option<String>,
}

/// Flags that take a value, and flags that do not.
const WITH_VALUE: [&str; 8] =
    ["-m", "--mod", "--progress", "--workdir", "--var", "--var-json", "--doc", "--env-file"];
const SWITCHES: [&str; 16] = [
    "-s",
    "--silent",
    "-v",
    "-vv",
    "-vvv",
    "-q",
    "-qq",
    "-d",
    "--debug",
    "--json",
    "-j",
    "-M",
    "--no-mod",
    "-i",
    "--interactive",
    "--no-exit",
];

/// The flags given at one level: the constructor's or a function's.
pub type Given = BTreeMap<String, Json>;

/// A function on the command line.
pub struct Step<'a> {
    pub kebab: String,
    /// None for a function of one of the engine's own types.
    pub function: Option<&'a Function>,
    pub given: Given,
}

impl Globals {
    /// Finds them wherever they stand.
    pub fn read(argv: &[String]) -> Result<Self, String> {
        let mut globals = Self {
            style: Style::Plain,
            json: false,
            module: None,
            no_module: false,
            variables: serde_json::Map::new(),
            document: None,
        };
        let mut at = 0;
        while let Some((name, value, used)) = argv.get(at).map(|_| global(argv, at)) {
            at += used.max(1);
            match (name.as_str(), value) {
                ("-s" | "--silent", _) => globals.style = Style::Silent,
                ("--json" | "-j", _) => globals.json = true,
                ("-M" | "--no-mod", _) => globals.no_module = true,
                ("-m" | "--mod", Some(value)) => globals.module = Some(value),
                ("--doc", Some(value)) => globals.document = Some(value),
                ("--var", Some(value)) => {
                    let (name, value) = value.split_once('=').unwrap_or((&value, ""));
                    globals.variables.insert(name.to_owned(), value.into());
                }
                ("--var-json", Some(value)) => {
                    let value = serde_json::from_str(&value).map_err(|error| error.to_string())?;
                    globals.variables = value;
                }
                ("--progress", Some(value)) => match value.as_str() {
                    "auto" | "plain" => {}
                    "dots" | "logs" | "report" => globals.style = Style::Other,
                    "tty" => return Err("no tty available for progress \"tty\"".to_owned()),
                    _ => return Err(format!("unknown progress type \"{value}\"")),
                },
                _ => {}
            }
        }
        // Whatever the format, `-s` leaves errors only.
        if argv.iter().any(|arg| arg == "-s" || arg == "--silent") {
            globals.style = Style::Silent;
        }
        Ok(globals)
    }
}

/// The global flag at this place with its value, and how many arguments it takes up: none when
/// it is not a global flag.
fn global(argv: &[String], at: usize) -> (String, Option<String>, usize) {
    let arg = &argv[at];
    let (name, joined) = match arg.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
        _ => (arg.as_str(), None),
    };
    if SWITCHES.contains(&name) {
        (name.to_owned(), joined, 1)
    } else if WITH_VALUE.contains(&name) {
        match joined {
            Some(value) => (name.to_owned(), Some(value), 1),
            None => (name.to_owned(), argv.get(at + 1).cloned(), 2),
        }
    } else {
        (String::new(), None, 0)
    }
}

/// A usage error at a level.
fn usage(message: String, path: &str) -> Failure {
    Failure { usage: Some(path.to_owned()), ..Failure::traced(&message) }
}

/// Reads `dagger call`'s arguments. `filled` says whether something else than the command line
/// gives an argument (of the constructor: no function) its value.
pub fn parse<'a>(
    module: &'a Module,
    argv: &[String],
    filled: impl Fn(Option<&str>, &str) -> bool,
) -> Result<(Given, Vec<Step<'a>>), Failure> {
    let mut path = "dagger call".to_owned();
    let mut at = 0;
    let constructor: &[Arg] =
        if module.main_object().is_some() { &module.source.constructor } else { &[] };
    let given = flags(module, constructor, argv, &mut at, &path)?;
    let mut steps = Vec::new();
    let mut object: Option<Option<&str>> = Some(None);
    let mut core = "";
    let mut missing = required(constructor, &given, |name| filled(None, name));
    while let Some(word) = argv.get(at) {
        refuse_missing(&missing, &path)?;
        let function = object.and_then(|object| module.function(object, word));
        if function.is_none() && !core_function(core, word) {
            let message = format!("unknown command \"{word}\" for \"{path}\"");
            return Err(usage(message, &path));
        }
        at += 1;
        path = format!("{path} {word}");
        let args = function.map_or(&[][..], |function| &function.args);
        let given = flags(module, args, argv, &mut at, &path)?;
        missing = required(args, &given, |name| filled(function.map(|f| f.name.as_str()), name));
        let returns = function.map_or("", |function| function.returns.name());
        object = module.source.objects.contains_key(returns).then_some(Some(returns));
        core = match (function, word.as_str()) {
            (Some(function), _) if !function.returns.is_list() => returns,
            (None, "sync") => core,
            _ => "",
        };
        steps.push(Step { kebab: word.clone(), function, given });
    }
    refuse_missing(&missing, &path)?;
    Ok((given, steps))
}

/// The functions of the engine's own types, as far as they are pretended.
fn core_function(kind: &str, word: &str) -> bool {
    match kind {
        "Container" => matches!(word, "sync" | "stdout" | "stderr"),
        "Directory" => matches!(word, "sync" | "entries"),
        "File" => matches!(word, "sync" | "contents"),
        _ => false,
    }
}

fn required(args: &[Arg], given: &Given, filled: impl Fn(&str) -> bool) -> Vec<String> {
    let missing = args
        .iter()
        .filter(|arg| arg.required() && !given.contains_key(&arg.name) && !filled(&arg.name));
    let mut missing: Vec<_> = missing.map(|arg| format!("\"{}\"", kebab(&arg.name))).collect();
    missing.sort();
    missing
}

fn refuse_missing(missing: &[String], path: &str) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    Err(usage(format!("required flag(s) {} not set", missing.join(", ")), path))
}

/// Reads the flags up to the next function's name.
fn flags(
    module: &Module,
    args: &[Arg],
    argv: &[String],
    at: &mut usize,
    path: &str,
) -> Result<Given, Failure> {
    let mut given = Given::new();
    while let Some(word) = argv.get(*at) {
        if !word.starts_with('-') || word == "-" {
            break;
        }
        let (_, _, used) = global(argv, *at);
        if used > 0 {
            *at += used;
            continue;
        }
        *at += 1;
        let Some(flag) = word.strip_prefix("--") else {
            let letter: String = word.chars().skip(1).take(1).collect();
            let message = format!("unknown shorthand flag: '{letter}' in {word}");
            return Err(usage(message, path));
        };
        let (name, joined) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        // The CLI brings what is typed into the same form as the flag's name.
        let Some(arg) = args.iter().find(|arg| kebab(&arg.name) == kebab(name)) else {
            return Err(usage(format!("unknown flag: --{name}"), path));
        };
        let text = match joined {
            Some(text) => text,
            None if arg.kind.name() == "Boolean" && !arg.kind.is_list() => "true".to_owned(),
            None => {
                let next = argv.get(*at).cloned();
                *at += 1;
                next.ok_or_else(|| usage(format!("flag needs an argument: --{name}"), path))?
            }
        };
        let value = typed(module, &arg.kind, &text).map_err(|why| {
            let flag = kebab(&arg.name);
            usage(format!("invalid argument {text:?} for \"--{flag}\" flag: {why}"), path)
        })?;
        match (given.get_mut(&arg.name), value) {
            (Some(Json::Array(items)), Json::Array(more)) => items.extend(more),
            (_, value) => drop(given.insert(arg.name.clone(), value)),
        }
    }
    Ok(given)
}

/// The value that a flag's text means; addresses (folders, files, secrets) stay text.
pub fn typed(module: &Module, kind: &Type, text: &str) -> Result<Json, String> {
    if let Kind::List(element) = &kind.kind {
        return csv(text).iter().map(|item| typed(module, element, item)).collect();
    }
    let bad = |function: &str| format!("strconv.{function}: parsing {text:?}: invalid syntax");
    Ok(match kind.name() {
        "Int" => text.parse::<i64>().map_err(|_| bad("ParseInt"))?.into(),
        "Float" => text.parse::<f64>().map_err(|_| bad("ParseFloat"))?.into(),
        "Boolean" => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true.into(),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false.into(),
            _ => return Err(bad("ParseBool")),
        },
        name => match module.source.enums.get(name) {
            Some(members) => {
                let member = members.iter().find(|member| member.eq_ignore_ascii_case(text));
                let member = member
                    .ok_or_else(|| format!("value should be one of {}", members.join(",")))?;
                member.as_str().into()
            }
            None => text.into(),
        },
    })
}

/// One line of CSV, as the CLI reads lists: `"x,1",y` is two items; nothing is none.
fn csv(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut items = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let item = items.last_mut().expect("it starts with one item and never loses any");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                item.push('"');
            }
            '"' if quoted || item.is_empty() => quoted = !quoted,
            ',' if !quoted => items.push(String::new()),
            c => item.push(c),
        }
    }
    items
}
