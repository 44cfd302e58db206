//! A module as the engine describes it.

use serde_json::{Value, json};

use crate::module::{Arg, Broken, Function, Kind, Module, Type};
use crate::names::camel;

/// Everything that can be asked about a module; [`crate::graphql`] picks.
pub fn describe(module: &Module) -> Value {
    let objects: Vec<Value> = if module.source.broken == Some(Broken::Syntax) {
        Vec::new()
    } else {
        let main = camel(&module.name);
        let other = module.source.main.as_ref().filter(|other| **other != main);
        let listed = other.map_or(main.clone(), |other| format!("{main}{other}"));
        let own = (&listed, &module.source.constructor, &module.source.functions);
        let names: Vec<_> =
            module.source.objects.keys().map(|name| format!("{main}{name}")).collect();
        let others = names.iter().zip(module.source.objects.values());
        let others = others.map(|(name, object)| (name, &object.constructor, &object.functions));
        let object = |(name, constructor, functions): (&String, &Vec<Arg>, &Vec<Function>)| {
            let functions: Vec<_> = functions.iter().map(|f| function(module, f)).collect();
            let constructor = (!constructor.is_empty()).then(|| {
                let args: Vec<_> = constructor.iter().map(|a| arg(module, a)).collect();
                json!({"name": "", "description": "", "args": args})
            });
            json!({"asObject": {"name": name, "description": "", "constructor": constructor,
                "functions": functions}})
        };
        others.chain([own]).map(object).collect()
    };
    let enums = module.source.enums.iter().map(|(name, members)| {
        let value = |member: &String| if module.is_dang() { String::new() } else { member.clone() };
        let members: Vec<_> =
            members.iter().map(|member| json!({"name": member, "value": value(member)})).collect();
        json!({"asEnum": {"name": format!("{}{name}", camel(&module.name)), "members": members}})
    });
    json!({
        "configExists": true,
        "moduleName": module.name,
        "engineVersion": module.engine_version,
        "digest": format!("xxh3:{:016x}", crate::digest(&module.folder.join("stand-in.json"))),
        "asModule": {
            "name": module.name,
            "description": "",
            "objects": objects,
            "enums": enums.collect::<Vec<_>>(),
        },
    })
}

fn function(module: &Module, function: &Function) -> Value {
    let args: Vec<_> = function.args.iter().map(|a| arg(module, a)).collect();
    json!({"name": function.name, "description": function.description,
        "returnType": type_def(module, &function.returns, function.returns.optional), "args": args})
}

/// The dang SDK publishes no defaults: what has one is merely optional.
fn arg(module: &Module, arg: &Arg) -> Value {
    let published = arg.default.as_ref().filter(|_| !module.is_dang());
    let optional = arg.kind.optional
        || !arg.default_path.is_empty()
        || (arg.default.is_some() && published.is_none());
    json!({"name": arg.name, "description": arg.description,
        "defaultValue": published.map(Value::to_string), "defaultPath": arg.default_path,
        "ignore": arg.ignore, "typeDef": type_def(module, &arg.kind, optional)})
}

fn type_def(module: &Module, kind: &Type, optional: bool) -> Value {
    let own = |name: &str| format!("{}{name}", camel(&module.name));
    match &kind.kind {
        Kind::List(element) => {
            let element = type_def(module, element, element.optional);
            json!({"kind": "LIST_KIND", "name": format!("[{}]", element["name"].as_str().unwrap_or_default()),
                "optional": optional, "asObject": null, "asEnum": null,
                "asList": {"elementTypeDef": element}})
        }
        Kind::Named(name) => {
            let (word, shown) = match name.as_str() {
                "String" => ("STRING_KIND", name.clone()),
                "Int" => ("INTEGER_KIND", name.clone()),
                "Float" => ("FLOAT_KIND", name.clone()),
                "Boolean" => ("BOOLEAN_KIND", name.clone()),
                "Void" => ("VOID_KIND", name.clone()),
                _ if module.source.enums.contains_key(name) => ("ENUM_KIND", own(name)),
                _ if module.source.objects.contains_key(name) => ("OBJECT_KIND", own(name)),
                _ => ("OBJECT_KIND", name.clone()),
            };
            let named = |kind| (word == kind).then(|| json!({"name": shown}));
            json!({"kind": word, "name": shown, "optional": optional, "asList": null,
                "asObject": named("OBJECT_KIND"), "asEnum": named("ENUM_KIND")})
        }
    }
}
