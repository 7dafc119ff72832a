//! CloudFormation's templates, read.

use crate::files::{entries, read};
use serde_json::{Map, Value};
use yaml_serde::Value as Yaml;

/// The pipeline's, from the root.
pub const PIPELINE: &str = "infra/pipeline.yaml";
/// A target's.
pub const TARGET: &str = "infra/target.yaml";
/// Both.
pub const TEMPLATES: [&str; 2] = [PIPELINE, TARGET];

/// One of a template's resources.
#[derive(Debug)]
pub struct Resource {
    /// Its logical id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its properties; null where it has none.
    pub properties: Value,
}

/// A template; `!Ref X` is read as `{"!Ref": "X"}`, and so on.
pub fn template(path: &str) -> Value {
    let text = read(path);
    let yaml: Yaml = yaml_serde::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    plain(yaml)
}

fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => match number.as_i64() {
            Some(value) => value.into(),
            None => number.as_f64().into(),
        },
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(fields) => {
            let fields = fields.into_iter();
            let fields =
                fields.map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)));
            Value::Object(fields.collect())
        }
        Yaml::Tagged(tagged) => {
            let (tag, value) = (tagged.tag.to_string(), plain(tagged.value));
            Value::Object(Map::from_iter([(tag, value)]))
        }
    }
}

/// All resources of a template.
pub fn resources(path: &str) -> Vec<Resource> {
    let template = template(path);
    let found = template["Resources"].as_object().expect("Resources");
    assert!(found.len() > 10, "{path}: {} resources", found.len());
    let read = |(id, resource): (&String, &Value)| Resource {
        id: id.clone(),
        kind: resource["Type"].as_str().unwrap_or_default().to_owned(),
        properties: resource["Properties"].clone(),
    };
    found.iter().map(read).collect()
}

/// The one of this name.
pub fn resource(path: &str, id: &str) -> Resource {
    let mut found = resources(path).into_iter();
    found
        .find(|resource| resource.id == id)
        .unwrap_or_else(|| panic!("{path} has no {id}"))
}

/// The statements of all policies of a template, whatever condition they depend on.
pub fn statements(path: &str) -> Vec<Value> {
    let mut found = Vec::new();
    each(&template(path)["Resources"], &mut |value| {
        if value.get("Effect").is_some() {
            found.push(value.clone());
        }
    });
    assert!(found.len() > 2, "{path}: {} statements", found.len());
    found
}

/// The texts of a field that is a text or a list of them.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Null => Vec::new(),
        list => serde_json::from_value(list.clone()).unwrap_or_else(|_| panic!("no texts: {list}")),
    }
}

/// Calls `look` with a value and with all that is inside it.
pub fn each<'a>(value: &'a Value, look: &mut impl FnMut(&'a Value)) {
    look(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| each(field, look)),
        _ => {}
    }
}

#[test]
fn these_are_all_templates() {
    let found: Vec<String> = entries("infra")
        .into_iter()
        .filter(|name| name.ends_with(".yaml"))
        .map(|name| format!("infra/{name}"))
        .collect();
    assert_eq!(found, TEMPLATES);
}
