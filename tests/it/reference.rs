//! `docs/pipeline.md` and `docs/formulas.md`: what stands in them between marks is written from the
//! schemas and the members, and what they say about defaults and examples is true. `WEIR_UPDATE=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use weir::dataflow::catalog;
use weir::formula::{Family, Signature};
use weir::plan::{self, CheckMember, Plan};

use crate::pipelines::{all_hold, holds};

/// The files, and how many parts of each are written.
const FILES: [(&str, usize); 2] = [("docs/pipeline.md", 13), ("docs/formulas.md", 3)];

/// The schema of pipeline files.
struct Schema(Value);

impl Schema {
    /// The keys of a map, by the name of its definition; none is the file itself.
    fn keys(&self, of: Option<&str>) -> &Map<String, Value> {
        self.map(of)["properties"].as_object().expect("a map has properties")
    }

    fn map(&self, of: Option<&str>) -> &Value {
        match of {
            Some(name) => &self.0["$defs"][name],
            None => &self.0,
        }
    }

    fn required(&self, of: Option<&str>) -> Vec<&str> {
        let required = self.map(of)["required"].as_array();
        required.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// What a schema refers to.
fn target<'a>(schema: &'a Value, definitions: &'a Value) -> Option<(&'a str, &'a Value)> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    Some((name, &definitions[name]))
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    schema[key].as_array().into_iter().flatten()
}

/// A scalar as it stands in a file.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The type in the words of the reference.
fn kind(schema: &Value, definitions: &Value) -> String {
    if let Some((name, target)) = target(schema, definitions) {
        return match name {
            "Length" => "length of time".to_owned(),
            "Bars" => "number of bars".to_owned(),
            "Bytes" => "size".to_owned(),
            "TimeOfDay" => "time of day".to_owned(),
            "FieldType" => "type".to_owned(),
            "FieldNames" => "field, or list of fields".to_owned(),
            "FactorsOutput" => "topic, or map with `topic` and `layout`".to_owned(),
            _ => kind(target, definitions),
        };
    }
    let choices: Vec<String> = list(schema, "oneOf")
        .filter_map(|one| written(&one["const"]))
        .map(|name| format!("`{name}`"))
        .collect();
    if !choices.is_empty() {
        return choices.join(", ");
    }
    let parts: Vec<String> = list(schema, "anyOf")
        .filter(|part| part["type"] != "null")
        .map(|part| kind(part, definitions))
        .collect();
    if !parts.is_empty() {
        return parts.join(" or ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        several => several.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    let words = types.into_iter().filter(|one| *one != "null").map(|one| match one {
        "string" => "text".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "array" if schema["items"]["$ref"] == "#/$defs/Check" => "list of checks".to_owned(),
        "array" if !schema["items"]["$ref"].is_null() => "list of maps".to_owned(),
        "array" => format!("list of {}", kind(&schema["items"], definitions)),
        "object" if schema["additionalProperties"].is_object() => {
            match kind(&schema["additionalProperties"], definitions).as_str() {
                "map" => "map of maps".to_owned(),
                inner => format!("map to {inner}"),
            }
        }
        "object" => "map".to_owned(),
        other => other.to_owned(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// A value as it may stand in a pipeline file, in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(['{', '?', '%']) => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn default_of(property: &Value, definitions: &Value) -> Option<Value> {
    let own = property.get("default").or_else(|| target(property, definitions)?.1.get("default"));
    own.filter(|value| !value.is_null()).cloned()
}

/// A table of keys, with examples where there are any.
fn table(keys: &Map<String, Value>, required: &[&str], definitions: &Value) -> String {
    let examples = keys.values().any(|property| property.get("examples").is_some());
    let mut text = String::from("| key | type | default | meaning |");
    text.push_str(if examples {
        " example |\n|---|---|---|---|---|\n"
    } else {
        "\n|---|---|---|---|\n"
    });
    for (key, property) in keys {
        let default = match default_of(property, definitions) {
            Some(value) => format!("`{}`", flow(&value)),
            None if required.contains(&key.as_str()) => "required".to_owned(),
            None => "–".to_owned(),
        };
        let (kind, meaning) = (kind(property, definitions), property["description"].as_str());
        let meaning = meaning.unwrap_or_default();
        write!(text, "| `{key}` | {} | {default} | {} |", cell(&kind), cell(meaning)).unwrap();
        if examples {
            match property["examples"].get(0) {
                Some(example) => write!(text, " `{key}: {}` |", cell(&flow(example))).unwrap(),
                None => text.push_str(" |"),
            }
        }
        text.push('\n');
    }
    text
}

fn sentence(summary: &str) -> String {
    let mut chars = summary.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str())
}

fn check(member: &dyn CheckMember) -> String {
    let mut generator = schemars::SchemaGenerator::default();
    let schema = member.schema(&mut generator).to_value();
    let definitions = Value::Object(generator.definitions().clone());
    let name = member.name();
    let (mut forms, mut options) = (Vec::new(), None);
    for form in list(&schema, "anyOf") {
        let found = target(form, &definitions).map_or(form, |(_, found)| found);
        if found["type"] == "null" {
            forms.push(format!("`{name}`"));
        } else if found["properties"].is_object() {
            forms.push(format!("`{name}: {{ OPTIONS }}`"));
            options = Some(found);
        } else {
            let what = kind(form, &definitions).to_uppercase();
            let what = if what.starts_with("FIELD") { "FIELDS" } else { what.as_str() };
            forms.push(format!("`{name}: {what}`"));
        }
    }
    let (action, severity) = member.defaults();
    let actions: Vec<_> = member.actions().iter().map(|one| format!("`{}`", one.name())).collect();
    let mut text = format!(
        "### `{name}`\n\n{}\n\n```yaml\n- {}\n```\n\nWritten as {}. Action: {} (default `{}`); default \
         severity: `{}`.\n",
        sentence(member.summary()),
        member.example(),
        forms.join(", "),
        actions.join(" or "),
        action.name(),
        severity.name()
    );
    if let Some(options) = options {
        let required: Vec<&str> = list(options, "required").filter_map(Value::as_str).collect();
        let keys = options["properties"].as_object().expect("options are properties");
        write!(text, "\n{}", table(keys, &required, &definitions)).unwrap();
    }
    text
}

fn function(signature: &Signature) -> String {
    format!("| `{}` | {} |\n", cell(&signature.written()), cell(signature.summary))
}

fn functions(family: Family) -> String {
    let of = catalog().functions.iter().filter(|one| one.family == family);
    format!("| function | gives |\n|---|---|\n{}", of.map(|one| function(one)).collect::<String>())
}

/// The values of a choice, each with its meaning.
fn values(choice: &Value) -> String {
    let mut text = String::from("| value | meaning |\n|---|---|\n");
    for one in list(choice, "oneOf") {
        let (name, meaning) = (written(&one["const"]), one["description"].as_str());
        let (name, meaning) = (name.expect("a name"), cell(meaning.expect("a meaning")));
        writeln!(text, "| `{name}` | {meaning} |").unwrap();
    }
    text
}

/// The rules of factor sets, with their values.
fn rules(sets: &Schema) -> String {
    let mut text = String::from("| rule | decides | value | meaning |\n|---|---|---|---|\n");
    for (rule, property) in sets.keys(Some("FactorRules")) {
        let decides = property["description"].as_str().expect("a meaning");
        let choice = target(property, &sets.0["$defs"])
            .or_else(|| list(property, "anyOf").find_map(|form| target(form, &sets.0["$defs"])));
        let (_, choice) = choice.expect("a rule is a choice");
        let (mut rule, mut decides) = (format!("`{rule}`"), cell(decides));
        for one in list(choice, "oneOf") {
            let (name, meaning) = (written(&one["const"]), one["description"].as_str());
            let (name, meaning) = (name.expect("a name"), cell(meaning.expect("a meaning")));
            writeln!(text, "| {rule} | {decides} | `{name}` | {meaning} |").unwrap();
            (rule, decides) = (String::new(), String::new());
        }
    }
    text
}

/// What stands between the marks of this name.
fn generated(name: &str) -> String {
    let (catalog, schema) = (catalog(), Schema(plan::schema(&catalog())));
    let sets = Schema(plan::factors_schema());
    let keys = |of| table(schema.keys(of), &schema.required(of), &schema.0["$defs"]);
    match name {
        "file" => keys(None),
        "kafka" => keys(Some("Kafka")),
        "source" => keys(Some("Source")),
        "alert" => keys(Some("Alert")),
        "outputs" => keys(Some("Outputs")),
        "delivery" => keys(Some("Delivery")),
        "elementwise" => functions(Family::Elementwise),
        "time-series" => functions(Family::TimeSeries),
        "recursive" => functions(Family::Recursive),
        "cross-section" => functions(Family::CrossSection),
        "checks" => catalog.checks.iter().map(|one| check(*one)).collect::<Vec<_>>().join("\n"),
        "conditions" => catalog.conditions.iter().fold(
            "| condition | holds while | example |\n|---|---|---|\n".to_owned(),
            |text, one| {
                let (form, example) = (cell(one.form()), cell(one.example()));
                format!("{text}| `{form}` | {} | `when: {example}` |\n", cell(one.summary()))
            },
        ),
        "layouts" => catalog.layouts.iter().fold(
            "| layout | gives | media type | a correction writes |\n|---|---|---|---|\n".to_owned(),
            |text, one| {
                let writes =
                    if one.whole_times { "the time anew" } else { "the rows that changed" };
                let (name, summary) = (one.name, cell(one.summary));
                format!("{text}| `{name}` | {summary} | `{}` | {writes} |\n", one.content_type)
            },
        ),
        "set" => table(sets.keys(None), &sets.required(None), &sets.0["$defs"]),
        "profiles" => values(&sets.0["$defs"]["Profile"]),
        "rules" => rules(&sets),
        other => panic!("`{other}` is asked for, which nothing writes"),
    }
}

#[test]
fn the_reference_is_fresh() {
    let fresh = |(file, count): (&str, usize)| {
        let old = std::fs::read_to_string(file).unwrap();
        let (mut text, mut parts) = (String::new(), old.split("<!-- generated: "));
        text.push_str(parts.next().unwrap_or_default());
        let mut names = Vec::new();
        for part in parts {
            let (name, rest) = part.split_once(" -->").expect("a mark has an end");
            let (_, rest) = rest.split_once("<!-- end -->").expect("what is generated has an end");
            let written = generated(name);
            write!(text, "<!-- generated: {name} -->\n\n{written}\n<!-- end -->{rest}").unwrap();
            names.push(name);
        }
        assert_eq!(names.len(), count, "{file}: {names:?}");
        holds(Path::new(file), &text)
    };
    all_hold(FILES.map(fresh).into());
}

/// A pipeline with one of everything.
fn base() -> Value {
    json!({
        "pipeline": "daily",
        "kafka": { "brokers": "localhost:9092" },
        "sources": { "bars": {
            "topic": "bars",
            "key": ["symbol", "time"],
            "fields": { "open": "f64", "high": "f64", "low": "f64", "close": "f64" },
        }},
        "alerts": [{ "name": "one", "when": "silent(bars) > 1s" }],
        "outputs": { "factors": { "topic": "factors" } },
        "delivery": {},
    })
}

fn load(file: &Value) -> Result<Plan, String> {
    let variable = |name: &str| (name == "KAFKA_PASSWORD").then(|| "secret".to_owned());
    plan::load_text("p.yaml", &file.to_string(), Path::new("."), &variable, &catalog())
        .map_err(|all| all.iter().map(|one| format!("{one}\n")).collect())
}

/// Maps of the file: definition in the schema, and where one is in [`base`].
const MAPS: [(Option<&str>, &str); 6] = [
    (None, ""),
    (Some("Kafka"), "/kafka"),
    (Some("Source"), "/sources/bars"),
    (Some("Alert"), "/alerts/0"),
    (Some("Outputs"), "/outputs"),
    (Some("Delivery"), "/delivery"),
];

#[test]
fn examples_of_keys_load() {
    let schema = Schema(plan::schema(&catalog()));
    let mut examples = 0;
    for (of, path) in MAPS {
        for (key, property) in schema.keys(of) {
            for example in list(property, "examples") {
                let mut file = base();
                file.pointer_mut(path).expect("the map is there")[key] = example.clone();
                load(&file).unwrap_or_else(|error| panic!("{key}: {}: {error}", flow(example)));
                examples += 1;
            }
        }
    }
    assert!(examples > 25, "{examples}");
}

#[test]
fn documented_defaults_are_what_leaving_out_means() {
    let schema = Schema(plan::schema(&catalog()));
    let expected = format!("{:?}", load(&base()).unwrap());
    let mut file = base();
    let mut defaults = 0;
    let layout = default_of(&json!({ "$ref": "#/$defs/Layout" }), &schema.0["$defs"]);
    file["outputs"]["factors"]["layout"] = layout.expect("layouts have a default");
    for (of, path) in MAPS {
        for (key, property) in schema.keys(of) {
            if let Some(default) = default_of(property, &schema.0["$defs"]) {
                file.pointer_mut(path).expect("the map is there")[key] = default;
                defaults += 1;
            }
        }
    }
    assert!(defaults > 9, "{defaults}");
    assert_eq!(format!("{:?}", load(&file).unwrap()), expected);
}
