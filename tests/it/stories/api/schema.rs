//! The document's schemas: whether a value is of one, and values that are, or nearly.

use serde_json::{Map, Value, json};

/// Numbers that look random, and are the same each time.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// From 0 up to before this.
    pub(super) fn one_of(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % count
    }
}

pub(super) struct Schemas<'a>(&'a Value);

impl<'a> Schemas<'a> {
    pub(super) fn of(document: &'a Value) -> Self {
        Self(document)
    }

    fn resolved(&self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => {
                let found = self.0.pointer(path.trim_start_matches('#'));
                self.resolved(found.unwrap_or_else(|| panic!("{path} is nowhere")))
            }
            None => schema,
        }
    }

    /// Why a value is not of a schema.
    pub(super) fn check(&self, schema: &'a Value, value: &Value) -> Result<(), String> {
        let schema = self.resolved(schema);
        for all in schema["allOf"].as_array().into_iter().flatten() {
            self.check(all, value)?;
        }
        for several in ["oneOf", "anyOf"] {
            if let Some(of) = schema[several].as_array()
                && !of.iter().any(|one| self.check(one, value).is_ok())
            {
                return Err(format!("{value} is none of {several}"));
            }
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
            _ => return Ok(()),
        };
        if !kinds.iter().any(|kind| is(kind, value)) {
            return Err(format!("{value} is not {kinds:?}"));
        }
        if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
            && number < least
        {
            return Err(format!("{number} is less than {least}"));
        }
        if let Some(fields) = value.as_object() {
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap();
                fields.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
            }
            for (name, shape) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(field) = fields.get(name) {
                    self.check(shape, field).map_err(|why| format!("`{name}`: {why}"))?;
                }
            }
        }
        for item in value.as_array().into_iter().flatten() {
            self.check(&schema["items"], item)?;
        }
        Ok(())
    }

    /// A body: mostly of the schema, now and then not even JSON.
    pub(super) fn wish(&self, schema: &'a Value, chance: &mut Chance) -> String {
        match chance.one_of(12) {
            0 => String::new(),
            1 => "{".to_owned(),
            2 => "[".repeat(5_000),
            3 => "null".to_owned(),
            4 => "\u{0}\u{feff}{}".to_owned(),
            _ => self.value(schema, chance).to_string(),
        }
    }

    fn value(&self, schema: &'a Value, chance: &mut Chance) -> Value {
        let schema = self.resolved(schema);
        for several in ["oneOf", "anyOf"] {
            if let Some(of) = schema[several].as_array() {
                return self.value(&of[chance.one_of(of.len())], chance);
            }
        }
        let odd = chance.one_of(10) == 0;
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[chance.one_of(kinds.len())].as_str().unwrap(),
            kind => kind.as_str().unwrap_or("null"),
        };
        match kind {
            _ if odd => [json!([1.5, {"a": null}]), json!(true)][chance.one_of(2)].clone(),
            "string" => {
                let words =
                    ["all", "failed", "read", "a", "", "main", "ada/site", "\u{1f4a9}\u{0}"];
                match chance.one_of(10) {
                    0 => "x".repeat(2_000).into(),
                    1 => "0".repeat(40).into(),
                    other => words[other % words.len()].into(),
                }
            }
            "integer" => json!([0, 1, 2, -1, i64::MAX][chance.one_of(5)]),
            "number" => json!([0.0, -1.5][chance.one_of(2)]),
            "boolean" => json!(chance.one_of(2) == 0),
            "array" => {
                let count = chance.one_of(3);
                (0..count).map(|_| self.value(&schema["items"], chance)).collect()
            }
            "object" => {
                let mut fields = Map::new();
                for (name, shape) in schema["properties"].as_object().into_iter().flatten() {
                    if chance.one_of(8) > 0 {
                        fields.insert(name.clone(), self.value(shape, chance));
                    }
                }
                fields.into()
            }
            _ => Value::Null,
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("{other} is no kind of value"),
    }
}
