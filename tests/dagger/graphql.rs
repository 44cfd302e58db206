//! Just enough GraphQL to answer what is asked about modules, and to refuse what the real schema
//! does not have.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The part of the schema that is pretended: type, field, type of the field.
const SCHEMA: &[(&str, &[(&str, &str)])] = &[
    ("Query", &[("version", ""), ("moduleSource", "ModuleSource")]),
    (
        "ModuleSource",
        &[
            ("configExists", ""),
            ("moduleName", ""),
            ("engineVersion", ""),
            ("digest", ""),
            ("asModule", "Module"),
        ],
    ),
    ("Module", &[("name", ""), ("description", ""), ("objects", "TypeDef"), ("enums", "TypeDef")]),
    (
        "TypeDef",
        &[
            ("kind", ""),
            ("name", ""),
            ("optional", ""),
            ("asObject", "ObjectTypeDef"),
            ("asEnum", "EnumTypeDef"),
            ("asList", "ListTypeDef"),
        ],
    ),
    (
        "ObjectTypeDef",
        &[
            ("name", ""),
            ("description", ""),
            ("constructor", "Function"),
            ("functions", "Function"),
        ],
    ),
    ("EnumTypeDef", &[("name", ""), ("members", "EnumMemberTypeDef")]),
    ("EnumMemberTypeDef", &[("name", ""), ("value", "")]),
    ("ListTypeDef", &[("elementTypeDef", "TypeDef")]),
    (
        "Function",
        &[("name", ""), ("description", ""), ("returnType", "TypeDef"), ("args", "FunctionArg")],
    ),
    (
        "FunctionArg",
        &[
            ("name", ""),
            ("description", ""),
            ("typeDef", "TypeDef"),
            ("defaultValue", ""),
            ("defaultPath", ""),
            ("ignore", ""),
        ],
    ),
];

pub struct Document {
    selection: Vec<Selection>,
    fragments: BTreeMap<String, Vec<Selection>>,
}

enum Selection {
    Field {
        key: String,
        name: String,
        args: BTreeMap<String, String>,
        inner: Vec<Selection>,
        at: At,
    },
    Spread(String),
}

#[derive(Clone, Copy)]
struct At {
    line: usize,
    column: usize,
}

/// The CLI's words for a refused document.
fn refused(message: &str, at: At, code: &str) -> String {
    // In the order in which the engine writes it.
    let body = format!(
        "{{\"data\":null,\"errors\":[{{\"message\":{},\"locations\":[{{\"line\":{},\"column\":{}}}],\
         \"extensions\":{{\"code\":\"{code}\"}}}}]}}",
        json!(message),
        at.line,
        at.column
    );
    format!("make request: returned error 422: {body}")
}

struct Parser {
    tokens: Vec<(String, At)>,
    next: usize,
}

impl Document {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text), next: 0 };
        let mut document = Self { selection: Vec::new(), fragments: BTreeMap::new() };
        while !parser.peek().is_empty() {
            match parser.peek() {
                "fragment" => {
                    parser.take();
                    let name = parser.name()?;
                    parser.expect("on")?;
                    parser.name()?;
                    document.fragments.insert(name, parser.selection()?);
                }
                "query" => {
                    parser.take();
                    while parser.peek() != "{" {
                        if parser.take().is_empty() {
                            return Err(parser.unexpected("{"));
                        }
                    }
                    document.selection = parser.selection()?;
                }
                _ => document.selection = parser.selection()?,
            }
        }
        document.check(&document.selection, "Query")?;
        Ok(document)
    }

    fn check(&self, selection: &[Selection], on: &str) -> Result<(), String> {
        let fields = SCHEMA.iter().find(|(name, _)| *name == on).map_or(&[][..], |(_, f)| f);
        for selection in selection {
            match selection {
                Selection::Spread(name) => {
                    let inner = self.fragments.get(name).map_or(&[][..], Vec::as_slice);
                    self.check(inner, on)?;
                }
                Selection::Field { name, inner, at, .. } => {
                    let Some((_, kind)) = fields.iter().find(|(field, _)| field == name) else {
                        let message = format!("Cannot query field \"{name}\" on type \"{on}\".");
                        return Err(refused(&message, *at, "GRAPHQL_VALIDATION_FAILED"));
                    };
                    self.check(inner, kind)?;
                }
            }
        }
        Ok(())
    }

    /// The value of an argument of a field at the top, with the variables filled in.
    pub fn argument(
        &self,
        field: &str,
        name: &str,
        variables: &Map<String, Value>,
    ) -> Option<String> {
        self.selection.iter().find_map(|selection| match selection {
            Selection::Field { name: found, args, .. } if found == field => {
                let value = args.get(name)?;
                match value.strip_prefix('$') {
                    Some(variable) => variables.get(variable)?.as_str().map(str::to_owned),
                    None => Some(value.trim_matches('"').to_owned()),
                }
            }
            _ => None,
        })
    }

    pub fn asks(&self, field: &str) -> bool {
        let asked = |s: &Selection| matches!(s, Selection::Field { name, .. } if name == field);
        self.selection.iter().any(asked)
    }

    /// What was asked for, out of everything, as the CLI prints it.
    pub fn answer(&self, everything: &Value) -> String {
        let answer = self.project(&self.selection, everything);
        let mut text = Vec::new();
        let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
        serde::Serialize::serialize(&answer, &mut serializer).expect("a value is serializable");
        String::from_utf8_lossy(&text).into_owned() + "\n"
    }

    fn project(&self, selection: &[Selection], value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.project(selection, item)).collect(),
            Value::Object(_) if !selection.is_empty() => {
                let mut picked = BTreeMap::new();
                self.pick(selection, value, &mut picked);
                Value::Object(picked.into_iter().collect())
            }
            other => other.clone(),
        }
    }

    fn pick(&self, selection: &[Selection], value: &Value, picked: &mut BTreeMap<String, Value>) {
        for selection in selection {
            match selection {
                Selection::Spread(name) => {
                    self.pick(
                        self.fragments.get(name).map_or(&[][..], Vec::as_slice),
                        value,
                        picked,
                    );
                }
                Selection::Field { key, name, inner, .. } => {
                    picked.insert(key.clone(), self.project(inner, &value[name.as_str()]));
                }
            }
        }
    }
}

impl Parser {
    fn peek(&self) -> &str {
        self.tokens.get(self.next).map_or("", |(token, _)| token)
    }

    fn take(&mut self) -> String {
        let token = self.peek().to_owned();
        self.next += 1;
        token
    }

    fn unexpected(&self, expected: &str) -> String {
        let end = At { line: 1, column: 1 };
        let at = self.tokens.get(self.next).or(self.tokens.last()).map_or(end, |(_, at)| *at);
        let found = if self.peek().is_empty() { "<EOF>" } else { self.peek() };
        refused(&format!("Expected {expected}, found {found}"), at, "GRAPHQL_PARSE_FAILED")
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.peek() != token {
            return Err(self.unexpected(token));
        }
        self.take();
        Ok(())
    }

    fn name(&mut self) -> Result<String, String> {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if self.peek().is_empty() || !self.peek().chars().all(name) {
            return Err(self.unexpected("Name"));
        }
        Ok(self.take())
    }

    fn selection(&mut self) -> Result<Vec<Selection>, String> {
        self.expect("{")?;
        let mut selection = Vec::new();
        loop {
            if self.peek() == "..." {
                self.take();
                selection.push(Selection::Spread(self.name()?));
            } else {
                let at =
                    self.tokens.get(self.next).map_or(At { line: 1, column: 1 }, |(_, at)| *at);
                let key = self.name()?;
                let mut name = key.clone();
                if self.peek() == ":" {
                    self.take();
                    name = self.name()?;
                }
                let mut args = BTreeMap::new();
                if self.peek() == "(" {
                    self.take();
                    while self.peek() != ")" {
                        let name = self.name()?;
                        self.expect(":")?;
                        args.insert(name, self.take());
                    }
                    self.take();
                }
                let inner = if self.peek() == "{" { self.selection()? } else { Vec::new() };
                selection.push(Selection::Field { key, name, args, inner, at });
            }
            if self.peek() == "}" {
                self.take();
                return Ok(selection);
            }
        }
    }
}

fn tokens(text: &str) -> Vec<(String, At)> {
    let mut tokens = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let mut rest = content;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() || rest.starts_with('#') {
                break;
            }
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
            let length = if rest.starts_with("...") {
                3
            } else if let Some(string) = rest.strip_prefix('"') {
                string.find('"').map_or(rest.len(), |end| end + 2)
            } else {
                rest.find(|c: char| !word(c))
                    .filter(|end| *end > 0)
                    .unwrap_or(if rest.starts_with(word) { rest.len() } else { 1 })
            };
            let at = At { line: line + 1, column: content.len() - rest.len() + 1 };
            tokens.push((rest[..length].to_owned(), at));
            rest = &rest[length..];
        }
    }
    tokens
}
