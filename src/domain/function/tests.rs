use serde_json::json;

use super::*;
use crate::domain::spec::Matchers;

fn listing(name: &str, objects: serde_json::Value) -> Vec<u8> {
    let module = json!({"name": name, "objects": objects});
    json!({"moduleSource": {"configExists": true, "moduleName": name, "asModule": module}})
        .to_string()
        .into_bytes()
}

fn function(name: &str, args: serde_json::Value) -> serde_json::Value {
    json!({"name": name, "description": "", "returnType": {"kind": "STRING_KIND"}, "args": args})
}

fn arg(kind: serde_json::Value, default: Option<&str>, path: &str) -> serde_json::Value {
    json!({"name": "x", "defaultValue": default, "defaultPath": path, "typeDef": kind})
}

fn text() -> serde_json::Value {
    json!({"kind": "STRING_KIND", "name": "String", "optional": false})
}

fn object(name: &str) -> serde_json::Value {
    json!({"kind": "OBJECT_KIND", "name": "", "optional": false, "asObject": {"name": name}})
}

fn optional(mut kind: serde_json::Value) -> serde_json::Value {
    kind["optional"] = true.into();
    kind
}

#[track_caller]
fn check_argument(listed: serde_json::Value, kind: ArgumentKind, optional: bool, default: &str) {
    let functions = json!([function("f", json!([listed]))]);
    let json = listing("ci", json!([{"asObject": {"name": "Ci", "functions": functions}}]));
    let module = Module::parse(&json).unwrap();
    let arg = &module.functions[0].args[0];
    let shown = arg.default.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!((&arg.kind, arg.optional, shown.as_str()), (&kind, optional, default));
}

#[test]
fn arguments() {
    check_argument(arg(text(), None, ""), ArgumentKind::String, false, "");
    check_argument(arg(optional(text()), None, ""), ArgumentKind::String, true, "");
    check_argument(arg(text(), Some("\"a,b\""), ""), ArgumentKind::String, true, "\"a,b\"");
    check_argument(arg(text(), Some("null"), ""), ArgumentKind::String, true, "");
    check_argument(arg(object("Directory"), None, "/"), ArgumentKind::Directory, true, "");
    check_argument(arg(object("File"), None, ""), ArgumentKind::File, false, "");
    check_argument(arg(object("Secret"), None, ""), ArgumentKind::Secret, false, "");
    let other = |name: &str| ArgumentKind::Other(name.to_owned());
    check_argument(arg(object("Socket"), None, ""), other("Socket"), false, "");
    let list =
        |of: serde_json::Value| json!({"kind": "LIST_KIND", "asList": {"elementTypeDef": of}});
    let strings = arg(list(text()), Some(r#"["a","b"]"#), "");
    check_argument(strings, ArgumentKind::StringList, true, r#"["a","b"]"#);
    check_argument(arg(list(object("File")), None, ""), other("[File!]"), false, "");
    let integer = json!({"kind": "INTEGER_KIND", "name": "Int"});
    check_argument(arg(integer, Some("3"), ""), other("Int"), true, "3");
    let level = json!({"kind": "ENUM_KIND", "asEnum": {"name": "Level"}});
    check_argument(arg(level, Some("\"INFO\""), ""), other("Level"), true, "\"INFO\"");
}

#[track_caller]
fn check_sync(returned: serde_json::Value, expected: bool) {
    let mut listed = function("f", json!([]));
    listed["returnType"] = returned.clone();
    let own = |name: &str, args: serde_json::Value| json!({"asObject": {"name": name, "functions": [function("sync", args)]}});
    let json = listing(
        "my-ci",
        json!([
            own("MyCiOwn", json!([])),
            own("MyCiPicky", json!([arg(text(), None, "")])),
            {"asObject": {"name": "MyCi", "functions": [listed]}},
        ]),
    );
    assert_eq!(Module::parse(&json).unwrap().functions[0].sync, expected, "{returned}");
}

#[test]
fn what_must_be_synced() {
    for name in ["Container", "Directory", "File", "Changeset", "MyCiOwn"] {
        check_sync(object(name), true);
    }
    for name in ["Secret", "MyCiPicky", "MyCi"] {
        check_sync(object(name), false);
    }
    check_sync(text(), false);
    check_sync(json!({"kind": "LIST_KIND", "asList": {"elementTypeDef": object("File")}}), false);
    check_sync(json!({"kind": "VOID_KIND"}), false);
}

#[test]
fn the_constructor_and_the_wrapping() {
    let listed = listing(
        "ci",
        json!([{"asObject": {
            "name": "Ci",
            "constructor": {"name": "", "args": [arg(text(), None, "")]},
            "functions": [function("build", json!([]))],
        }}]),
    );
    let bare = Module::parse(&listed).unwrap();
    assert_eq!(bare.constructor.len(), 1);
    let data: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    let wrapped = json!({"data": data}).to_string();
    assert_eq!(Module::parse(wrapped.as_bytes()).unwrap(), bare);
    // Kept in the database, and read again.
    let kept = serde_json::to_string(&bare).unwrap();
    assert_eq!(serde_json::from_str::<Module>(&kept).unwrap(), bare);
}

#[track_caller]
fn check_error(json: &[u8], expected: &str) {
    let error = Module::parse(json).unwrap_err();
    assert_eq!(format!("{}: {error}", error.code()), expected);
}

#[test]
fn what_is_wrong_is_said_with_a_remedy() {
    let json = |value: serde_json::Value| value.to_string().into_bytes();
    check_error(
        b"Error: make request",
        "listing_unreadable: The module listing is not what `dagger query` answers: expected value at line 1 \
         column 1",
    );
    check_error(
        b"{}",
        "listing_unreadable: The module listing is not what `dagger query` answers: it has no `moduleSource`",
    );
    check_error(
        &json(json!({"moduleSource": {"asModule": {"name": 3}}})),
        "listing_unreadable: The module listing is not what `dagger query` answers: \
         moduleSource.asModule.name: invalid type: integer `3`, expected a string",
    );
    check_error(
        &json(json!({"moduleSource": {"configExists": false, "asModule": null}})),
        "no_module: There is no dagger module in the folder: run `dagger init` there, or point \
         `module-path` at the folder with the `dagger.json`",
    );
    check_error(
        &json(
            json!({"moduleSource": {"configExists": true, "moduleName": "ci", "asModule": null}}),
        ),
        "no_module: The module `ci` does not load: run `dagger functions` in its folder to see why",
    );
    check_error(
        &listing("ci", json!([])),
        "no_module: The module `ci` has no objects, as when its sources do not compile: run \
         `dagger functions` in its folder to see why",
    );
    check_error(
        &listing("ci", json!([{"asObject": {"name": "Ci", "functions": []}}])),
        "no_functions: The module `ci` has no functions: add some to its object `Ci`, and an `sdk` \
         to its `dagger.json` if there is none",
    );
    check_error(
        &listing("other", json!([{"asObject": {"name": "OtherCi", "functions": []}}])),
        "no_functions: The module `other` has no object `Other`, only OtherCi: its main object must \
         be called as the module is",
    );
}

#[test]
fn commands_are_functions_that_require_nothing() {
    let filter = Some(vec!["opened".to_owned()]);
    let matchers = Matchers { filter, ..Matchers::default() };
    let command = Command { name: "testOnPush".into(), run: "cargo test".into(), matchers };
    let module = Module::of_commands(&[command]);
    let function = &module.functions[0];
    assert_eq!(function.name, "testOnPush");
    assert_eq!(function.argument("filter").unwrap().default, Some(json!(["opened"])));
    assert!(function.args.iter().all(|arg| arg.optional) && !function.sync);
}
