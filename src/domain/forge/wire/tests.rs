use serde::Deserialize;

use super::*;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    text: Field<String>,
    number: Field<u64>,
    flag: Field<bool>,
    id: Field<Id>,
    part: Part<Inner>,
    parts: List<Object<Inner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inner {
    name: Field<String>,
}

fn body(json: &str) -> Body {
    serde_json::from_str(json).unwrap()
}

#[test]
fn fields_of_the_right_type_are_read() {
    let body = body(
        r#"{"text": "a\n", "number": 7, "flag": true, "id": 12, "part": {"name": "p", "x": [1]},
            "parts": [{"name": "q"}, null, 3, {"name": "r"}], "other": {"deep": [[{}]]}}"#,
    );
    assert_eq!(body.text.text(), "a\n");
    assert_eq!(body.number.get(), Some(&7));
    assert!(body.flag.is_set());
    assert_eq!(body.id.get().unwrap().0, "12");
    assert_eq!(body.part.part().unwrap().name.filled(), Some("p"));
    let names: Vec<_> = body.parts.items().map(|Object(inner)| inner.name.text()).collect();
    assert_eq!(names, ["q", "r"]);
}

#[test]
fn null_and_absent_are_alike() {
    for json in ["{}", r#"{"text": null, "number": null, "part": null, "parts": null}"#] {
        let body = body(json);
        assert_eq!(body.text.filled(), None);
        assert!(body.part.part().is_none());
        assert_eq!(body.parts.items().count(), 0);
        let error = body.number.required("a.number").unwrap_err();
        assert_eq!(error.to_string(), "The webhook's body lacks the field `a.number`");
    }
}

#[test]
fn any_type_may_stand_anywhere() {
    for value in ["7", "-7", "1.5", "true", "\"x\"", "[1, [2]]", "{\"a\": {\"b\": 1}}"] {
        let keys = ["text", "number", "flag", "id", "part", "parts"];
        let fields: Vec<_> = keys.iter().map(|key| format!("\"{key}\": {value}")).collect();
        body(&format!("{{{}}}", fields.join(",")));
    }
    let error = body(r#"{"number": "7"}"#).number.required("a.number").unwrap_err();
    assert_eq!(error.to_string(), "The field `a.number` of the webhook's body should be a number");
}
