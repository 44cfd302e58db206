//! The wire form of the listing query's answer; nothing outside reads it.

use serde::Deserialize;
use serde_json::Value;

use super::{Argument, ArgumentKind, Function, ListingError, Module};
use crate::domain::strcase;

/// Dagger's own objects that have a function `sync`.
const SYNCED: [&str; 8] =
    ["Container", "Directory", "File", "Changeset", "Service", "LLM", "Module", "ModuleSource"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    module_source: Option<Source>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    #[serde(default = "yes")]
    config_exists: bool,
    #[serde(default)]
    module_name: Option<String>,
    as_module: Option<Loaded>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Loaded {
    name: String,
    #[serde(default)]
    objects: Vec<ObjectDef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectDef {
    as_object: Option<Object>,
}

#[derive(Deserialize)]
struct Object {
    name: String,
    #[serde(default)]
    constructor: Option<Constructor>,
    #[serde(default)]
    functions: Vec<FunctionDef>,
}

#[derive(Deserialize)]
struct Constructor {
    #[serde(default)]
    args: Vec<Arg>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionDef {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    return_type: Option<TypeDef>,
    #[serde(default)]
    args: Vec<Arg>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arg {
    name: String,
    /// JSON inside a string.
    #[serde(default)]
    default_value: Option<String>,
    #[serde(default)]
    default_path: Option<String>,
    type_def: TypeDef,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeDef {
    kind: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    as_object: Option<Named>,
    #[serde(default)]
    as_enum: Option<Named>,
    #[serde(default)]
    as_list: Option<List>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    element_type_def: Box<TypeDef>,
}

pub(super) fn parse(json: &[u8]) -> Result<Module, ListingError> {
    let not_json = |error: &dyn std::fmt::Display| ListingError::NotJson(error.to_string());
    let mut answer: Value = serde_json::from_slice(json).map_err(|error| not_json(&error))?;
    if let Some(data) = answer.get_mut("data") {
        answer = data.take();
    }
    let listing: Listing =
        serde_path_to_error::deserialize(answer).map_err(|error| not_json(&error))?;
    let Some(source) = listing.module_source else {
        return Err(ListingError::NotJson("it has no `moduleSource`".to_owned()));
    };
    main_object(source)
}

/// Finds the main object, and tells the ways in which there is none apart.
fn main_object(source: Source) -> Result<Module, ListingError> {
    if !source.config_exists {
        return Err(ListingError::NoModule(
            "There is no dagger module in the folder: run `dagger init` there, or point \
             `module-path` at the folder with the `dagger.json`"
                .to_owned(),
        ));
    }
    let name = source.module_name.unwrap_or_default();
    let Some(module) = source.as_module else {
        return Err(ListingError::NoModule(format!(
            "The module `{name}` does not load: run `dagger functions` in its folder to see why"
        )));
    };
    let name = module.name;
    if module.objects.is_empty() {
        return Err(ListingError::NoModule(format!(
            "The module `{name}` has no objects, as when its sources do not compile: run \
             `dagger functions` in its folder to see why"
        )));
    }
    let wanted = strcase::to_camel(&name);
    let objects: Vec<Object> = module.objects.into_iter().filter_map(|o| o.as_object).collect();
    let own_sync: Vec<String> =
        objects.iter().filter(|o| syncs(o)).map(|o| o.name.clone()).collect();
    let names: Vec<String> = objects.iter().map(|object| object.name.clone()).collect();
    let main = objects.into_iter().find(|object| strcase::to_camel(&object.name) == wanted);
    let Some(main) = main else {
        return Err(ListingError::NoFunctions(format!(
            "The module `{name}` has no object `{wanted}`, only {}: its main object must be \
             called as the module is",
            names.join(", ")
        )));
    };
    if main.functions.is_empty() {
        return Err(ListingError::NoFunctions(format!(
            "The module `{name}` has no functions: add some to its object `{wanted}`, and an \
             `sdk` to its `dagger.json` if there is none"
        )));
    }
    let constructor = main.constructor.map(|constructor| constructor.args).unwrap_or_default();
    Ok(Module {
        name,
        constructor: constructor.into_iter().map(argument).collect(),
        functions: main.functions.into_iter().map(|f| function(f, &own_sync)).collect(),
    })
}

/// Whether an object of the module itself can be forced with a bare `sync`.
fn syncs(object: &Object) -> bool {
    let sync = object.functions.iter().find(|function| function.name == "sync");
    sync.is_some_and(|sync| !sync.args.iter().any(is_required))
}

fn function(function: FunctionDef, own_sync: &[String]) -> Function {
    // Only one object can be forced; a list of them has no `sync`.
    let returned = function.return_type.filter(|returned| returned.kind == "OBJECT_KIND");
    let object = returned.and_then(|returned| returned.as_object);
    let sync = object.is_some_and(|object| {
        SYNCED.contains(&object.name.as_str()) || own_sync.contains(&object.name)
    });
    Function {
        name: function.name,
        description: function.description,
        args: function.args.into_iter().map(argument).collect(),
        sync,
    }
}

fn is_required(arg: &Arg) -> bool {
    let no_path = arg.default_path.as_deref().unwrap_or_default().is_empty();
    !arg.type_def.optional && arg.default_value.is_none() && no_path
}

fn argument(arg: Arg) -> Argument {
    let optional = !is_required(&arg);
    let default = arg.default_value.map(|text| {
        // What is no JSON is taken as the text that it is.
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    });
    Argument {
        name: arg.name,
        kind: kind(&arg.type_def),
        default: default.filter(|value| !value.is_null()),
        optional,
    }
}

fn kind(def: &TypeDef) -> ArgumentKind {
    match def.kind.as_str() {
        "STRING_KIND" => ArgumentKind::String,
        "LIST_KIND" => match def.as_list.as_ref().map(|list| kind(&list.element_type_def)) {
            Some(ArgumentKind::String) => ArgumentKind::StringList,
            Some(element) => ArgumentKind::Other(format!("[{}!]", element.as_str())),
            None => ArgumentKind::Other("list".to_owned()),
        },
        "OBJECT_KIND" => match type_name(def) {
            Some("Directory") => ArgumentKind::Directory,
            Some("File") => ArgumentKind::File,
            Some("Secret") => ArgumentKind::Secret,
            other => ArgumentKind::Other(other.unwrap_or("object").to_owned()),
        },
        "INTEGER_KIND" => ArgumentKind::Other("Int".to_owned()),
        "BOOLEAN_KIND" => ArgumentKind::Other("Boolean".to_owned()),
        "FLOAT_KIND" => ArgumentKind::Other("Float".to_owned()),
        other => ArgumentKind::Other(type_name(def).unwrap_or(other).to_owned()),
    }
}

fn type_name(def: &TypeDef) -> Option<&str> {
    let named = def.as_object.as_ref().or(def.as_enum.as_ref()).map(|named| named.name.as_str());
    named.or(def.name.as_deref()).filter(|name| !name.is_empty())
}
