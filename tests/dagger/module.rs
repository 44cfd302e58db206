//! Modules: `dagger.json`, and `stand-in.json` in the place of source code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::VERSION;
use crate::names::camel;

/// A module that was found and read.
pub struct Module {
    pub folder: PathBuf,
    pub name: String,
    pub engine_version: String,
    pub sdk: Option<String>,
    pub source: Source,
    /// Local ones; another repository's are not pretended.
    pub dependencies: Vec<Module>,
}

/// `stand-in.json`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Source {
    #[serde(default)]
    pub constructor: Vec<Arg>,
    #[serde(default)]
    pub enums: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub objects: BTreeMap<String, Object>,
    #[serde(default)]
    pub functions: Vec<Function>,
    /// The main object's name in the code; a module whose name it is not has no main object.
    pub main: Option<String>,
    pub broken: Option<Broken>,
}

/// An object beside the main one.
#[derive(Deserialize)]
#[serde(from = "RawObject")]
pub struct Object {
    pub constructor: Vec<Arg>,
    pub functions: Vec<Function>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawObject {
    Functions(Vec<Function>),
    Whole { constructor: Vec<Arg>, functions: Vec<Function> },
}

impl From<RawObject> for Object {
    fn from(raw: RawObject) -> Self {
        match raw {
            RawObject::Functions(functions) => Self { constructor: Vec::new(), functions },
            RawObject::Whole { constructor, functions } => Self { constructor, functions },
        }
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    Syntax,
    Types,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Function {
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub args: Vec<Arg>,
    #[serde(default = "void")]
    pub returns: Type,
    #[serde(default)]
    pub does: Vec<Value>,
}

fn void() -> Type {
    Type { kind: Kind::Named("Void".to_owned()), optional: true }
}

#[derive(Deserialize, Clone)]
#[serde(try_from = "RawArg")]
pub struct Arg {
    pub name: String,
    pub description: String,
    pub kind: Type,
    pub default: Option<Value>,
    pub default_path: String,
    pub ignore: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawArg {
    Short(String),
    Long {
        name: String,
        #[serde(rename = "type")]
        kind: Type,
        #[serde(default)]
        description: String,
        default: Option<Value>,
        #[serde(default, rename = "defaultPath")]
        default_path: String,
        #[serde(default)]
        ignore: Vec<String>,
    },
}

impl TryFrom<RawArg> for Arg {
    type Error = String;

    fn try_from(raw: RawArg) -> Result<Self, String> {
        match raw {
            RawArg::Short(text) => {
                let (declared, default) = match text.split_once('=') {
                    Some((declared, default)) => {
                        let default = serde_json::from_str(default.trim())
                            .map_err(|error| format!("the default in `{text}`: {error}"))?;
                        (declared, Some(default))
                    }
                    None => (text.as_str(), None),
                };
                let (name, kind) =
                    declared.split_once(':').ok_or(format!("`{text}` is not `name: Type`"))?;
                Ok(Self {
                    name: name.trim().to_owned(),
                    description: String::new(),
                    kind: Type::try_from(kind.trim().to_owned())?,
                    default,
                    default_path: String::new(),
                    ignore: Vec::new(),
                })
            }
            RawArg::Long { name, kind, description, default, default_path, ignore } => {
                Ok(Self { name, description, kind, default, default_path, ignore })
            }
        }
    }
}

impl Arg {
    pub fn required(&self) -> bool {
        !self.kind.optional && self.default.is_none() && self.default_path.is_empty()
    }
}

/// A type in GraphQL's notation.
#[derive(Deserialize, Clone, PartialEq)]
#[serde(try_from = "String")]
pub struct Type {
    pub kind: Kind,
    pub optional: bool,
}

#[derive(Clone, PartialEq)]
pub enum Kind {
    Named(String),
    List(Box<Type>),
}

impl TryFrom<String> for Type {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (core, optional) = match text.trim().strip_suffix('!') {
            Some(core) => (core.trim(), false),
            None => (text.trim(), true),
        };
        let kind = if let Some(inner) = core.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(format!("`{text}` is no type"))?;
            Kind::List(Box::new(Self::try_from(inner.to_owned())?))
        } else if !core.is_empty() && core.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            Kind::Named(core.to_owned())
        } else {
            return Err(format!("`{text}` is no type"));
        };
        Ok(Self { kind, optional })
    }
}

impl Type {
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Named(name) => name,
            Kind::List(element) => element.name(),
        }
    }

    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_))
    }

    pub fn is_scalar(&self) -> bool {
        matches!(self.name(), "String" | "Int" | "Float" | "Boolean" | "Void")
    }
}

#[derive(Deserialize)]
struct DaggerJson {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "engineVersion")]
    engine_version: String,
    sdk: Option<Sdk>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    source: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Sdk {
    Text(String),
    Object { source: String },
}

/// Why a module cannot be loaded: the CLI's words, and whether it is the configuration
/// (`moduleSource`) or the code (`moduleSource.asModule`) that is at fault.
pub struct Unloadable {
    pub in_code: bool,
    pub text: String,
}

impl Module {
    /// Loads the module at `reference`, which is relative to the working directory. Symbolic
    /// links are followed.
    pub fn load(reference: &str) -> Result<Self, Unloadable> {
        let fault = |text: String| Unloadable { in_code: false, text };
        let folder = fs::canonicalize(reference)
            .map_err(|_| fault(format!("local path \"{reference}\" does not exist")))?;
        let code = |text: &str| Unloadable { in_code: true, text: text.to_owned() };
        let Ok(text) = fs::read_to_string(folder.join("dagger.json")) else {
            return Err(code("module name must be set"));
        };
        let config: DaggerJson = serde_json::from_str(&text).map_err(|error| {
            let text = if error.is_eof() {
                "unexpected end of JSON input".to_owned()
            } else {
                error.to_string()
            };
            fault(format!("failed to decode module config: {text}"))
        })?;
        if config.name.is_empty() {
            return Err(code("module name must be set"));
        }
        if newer(&config.engine_version) {
            let required = config.engine_version;
            return Err(fault(format!(
                "module requires dagger {required}, but you have {VERSION}"
            )));
        }
        let sdk = config.sdk.map(|sdk| match sdk {
            Sdk::Text(source) | Sdk::Object { source } => source,
        });
        if let Some(sdk) = &sdk
            && !matches!(sdk.as_str(), "go" | "dang" | "python" | "typescript" | "php" | "java")
        {
            let text =
                format!("failed to load sdk for local module source: invalid SDK: \"{sdk}\"");
            return Err(fault(text));
        }
        let source =
            match (&sdk, fs::read_to_string(folder.join(&config.source).join("stand-in.json"))) {
                (None, _) => Source::default(),
                (Some(_), Ok(text)) => serde_json::from_str(&text).map_err(|error| {
                    code(&format!("failed to initialize module: stand-in.json: {error}"))
                })?,
                (Some(_), Err(_)) => {
                    return Err(code("failed to initialize module: it has no stand-in.json"));
                }
            };
        if source.broken == Some(Broken::Syntax) && sdk.as_deref() == Some("dang") {
            let text = "failed to initialize module: mount source: run dir: failed to parse file \
                        /tmp/dagger-mount1/main.dang: main.dang:2:1 (32): no match found";
            return Err(code(text));
        }
        let local = config.dependencies.iter().map(|dependency| folder.join(&dependency.source));
        let local = local.filter(|folder| folder.exists());
        let dependencies = local.map(|folder| Self::load(&folder.to_string_lossy()));
        let dependencies = dependencies.collect::<Result<_, _>>()?;
        let engine_version = config.engine_version;
        Ok(Self { folder, name: config.name, engine_version, sdk, source, dependencies })
    }

    /// The main object's name; none where the code could not be read or has no such object.
    pub fn main_object(&self) -> Option<String> {
        let name = camel(&self.name);
        let other = self.source.main.as_ref().is_some_and(|main| *main != name);
        (!other && self.source.broken != Some(Broken::Syntax)).then_some(name)
    }

    pub fn is_dang(&self) -> bool {
        self.sdk.as_deref() == Some("dang")
    }

    pub fn function(&self, object: Option<&str>, kebab: &str) -> Option<&Function> {
        let functions = match object {
            None if self.main_object().is_none() => return None,
            None => &self.source.functions,
            Some(object) => &self.source.objects.get(object)?.functions,
        };
        functions.iter().find(|function| crate::names::kebab(&function.name) == kebab)
    }
}

fn newer(version: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        let core = version.trim_start_matches('v').split('-').next().unwrap_or_default();
        core.split('.').filter_map(|number| number.parse().ok()).collect()
    };
    numbers(version) > numbers(VERSION)
}

/// The nearest folder from here upwards that holds this.
pub fn find_up(from: &Path, name: &str) -> Option<PathBuf> {
    from.ancestors().find(|folder| folder.join(name).exists()).map(Path::to_owned)
}
