//! The texts of a call: what `${…}` stands for, and what nobody may read.

use serde_json::Value as Json;

use super::Call;
use crate::Failure;
use crate::values::Value;

impl Call<'_> {
    /// The texts among the function's arguments.
    pub(super) fn described(&self) -> Vec<(&str, Vec<String>)> {
        let text = |value: &Value| match value {
            Value::Plain(Json::String(text)) => Some(text.clone()),
            _ => None,
        };
        let texts = self.args.iter().filter_map(|(name, value)| Some((name, text(value)?)));
        texts.map(|(name, text)| (name.as_str(), vec![text])).collect()
    }

    /// The values that a container's output is masked for.
    pub(super) fn masks(&self) -> Vec<String> {
        let secret = |value: &Value| match value {
            Value::Secret(secret) => secret.plaintext().ok().filter(|text| !text.is_empty()),
            _ => None,
        };
        self.constructor.values().chain(self.args.values()).filter_map(secret).collect()
    }

    /// Fills the `${…}` of a text.
    pub(super) fn fill(&self, text: &str) -> Result<String, Failure> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after
                .split_once('}')
                .unwrap_or_else(|| panic!("stand-in.json: `{text}` has no closing brace"));
            filled.push_str(before);
            filled.push_str(&self.named(name)?);
            rest = behind;
        }
        Ok(filled + rest)
    }

    fn named(&self, name: &str) -> Result<String, Failure> {
        if let Some(variable) = name.strip_prefix("env.") {
            return Ok(std::env::var(variable).unwrap_or_default());
        }
        match name {
            "stdout" => return Ok(self.stdout.clone()),
            "stderr" => return Ok(self.stderr.clone()),
            _ => {}
        }
        let (values, name) = match name.strip_prefix("self.") {
            Some(name) => (&self.constructor, name),
            None => (&self.args, name),
        };
        let end = name.find(['.', '/']).unwrap_or(name.len());
        values.get(&name[..end]).map_or(Ok(String::new()), |value| value.text(&name[end..]))
    }
}
