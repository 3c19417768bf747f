use std::sync::Arc;

use gotmpl::{Value, ValueFunc, tmap};

use super::*;

const TABLE: Table = Table {
    usual: "{{.ID}}\t{{.Names}}\t{{.Ports}}",
    fields: &[("ID", "CONTAINER ID"), ("Names", "NAMES"), ("Ports", "PORTS"), ("Labels", "LABELS")],
};

fn row(id: &str, name: &str) -> Value {
    let label: ValueFunc = Arc::new(|given| Ok(Value::from(format!("<{}>", given[0]))));
    tmap! { "ID" => id, "Names" => name, "Ports" => "", "Labels" => "x=1,y=2", "Label" => Value::Function(label) }
}

fn filled(format: &str) -> String {
    TABLE
        .fill(format, &[row("0123", "one"), row("4567", "a-long-name-of-it")])
        .unwrap_or_else(|failure| failure.message)
}

#[test]
fn tables_have_headings_and_columns_of_ten() {
    let usual = "CONTAINER ID   NAMES               PORTS\n0123           one                 \n4567           a-long-name-of-it   \n";
    assert_eq!(filled(""), usual);
    assert_eq!(filled("table"), usual);
    assert_eq!(
        filled("table {{.ID}}\\t{{.Label \"x\"}}"),
        "CONTAINER ID   x\n0123           <x>\n4567           <x>\n"
    );
    assert_eq!(filled("table{{upper .Names}}"), "NAMES\nONE\nA-LONG-NAME-OF-IT\n");
}

#[test]
fn without_a_table_there_is_a_line_for_each() {
    for (format, line) in [
        ("{{.ID}}:{{.Names}}", "0123:one"),
        ("{{.ID}}\\t{{.Names}}", "0123\tone"),
        ("json", r#"{"ID":"0123","Labels":"x=1,y=2","Names":"one","Ports":""}"#),
        ("{{json .}}", r#"{"ID":"0123","Labels":"x=1,y=2","Names":"one","Ports":""}"#),
        ("{{title .Names}} {{upper .Names}} {{.Names | upper | lower | json}}", "One ONE \"one\""),
        ("{{truncate .Names 2}}|{{truncate .Names 9}}|{{pad .Names 1 2}}|{{pad .Ports 1 2}}|", "on|one| one  ||"),
        ("{{join (split .Labels \",\") \" \"}}", "x=1 y=2"),
        ("{{range split .Labels \",\"}}{{.}};{{end}}", "x=1;y=2;"),
        ("{{if eq (.Label \"x\") \"<x>\"}}{{$.Label \"y\"}}{{end}}{{\".Label \"}}", "<y>.Label "),
        ("text", "text"),
        ("TABLE {{.ID}}", "TABLE 0123"),
        ("{{len .Names}} {{index (split .Labels \",\") 1}} {{printf \"%q\" .Names}}", "3 y=2 \"one\""),
    ] {
        assert_eq!(filled(format).lines().next(), Some(line), "{format}");
    }
}

#[test]
fn what_is_no_template_is_dockers_complaint() {
    let lines = [
        "{{.ID",
        "{{nosuch .ID}}",
        "{{\"x}}",
        "{{}}",
        "{{$x}}",
        "{{.Nosuch}}",
        "table {{.Nosuch}}",
        "{{.ID.X}}",
        "{{truncate .ID}}",
        "{{join .ID \",\"}}",
        "{{index .ID 9}}",
        "{{range .ID}}{{end}}",
    ]
    .map(|format| format!("{format} -> {}", filled(format)));
    insta::assert_snapshot!(lines.join("\n"));
    let none = TABLE.fill("{{nosuch}}", &[]).expect_err("a function that there is not, and no row");
    assert_eq!(none.message, "template parsing error: template: :1: function \"nosuch\" not defined");
    let failure = TABLE.fill("{{.Nosuch}}", &[row("1", "2")]).expect_err("no such field");
    assert_eq!(failure.hint.as_deref(), Some("the fields are ID, Names, Ports, Labels"));
}

#[test]
fn an_object_keeps_its_order_and_says_what_it_has_not() {
    let json = r#"{"Z":1,"State":{"Status":"x","Pid":5,"Big":18446744073709551615},"Labels":{"b":"2","a":"1"},"Binds":null,"Init":null,"List":[{"k":1,"a":null}]}"#;
    let object: Ordered = serde_json::from_str(json).expect("JSON");
    let said = |source: &str| {
        Template::parse(source, &[])
            .and_then(|template| template.fill_json(&object))
            .unwrap_or_else(|failure| failure.message)
    };
    for (source, expected) in [
        ("{{json .}}", json),
        ("{{json .State}}", r#"{"Status":"x","Pid":5,"Big":18446744073709551615}"#),
        ("{{.State.Status}} {{.State.Pid}} {{.State.Big}}", "x 5 18446744073709551615"),
        ("{{.Labels}} {{.Labels.a}} {{.Labels.c}} {{index .Labels \"b\"}}", "map[a:1 b:2] 1 <no value> 2"),
        ("{{.Binds}} {{json .Binds}} {{len .Binds}} {{if .Init}}yes{{else}}no{{end}}", "[] null 0 no"),
        ("{{json .List}} {{(index .List 0).k}}", r#"[{"k":1,"a":null}] 1"#),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"),
        ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"),
        ("{{.Nosuch}}", "failed to execute template: can't evaluate field Nosuch"),
        ("{{.State.Nosuch}}", "failed to execute template: can't evaluate field Nosuch"),
    ] {
        assert_eq!(said(source), expected, "{source}");
    }
}

#[test]
fn quotes_are_gos() {
    assert_eq!(quoted("sh -c 'a \"b\"\t\u{1b}é…'"), "\"sh -c 'a \\\"b\\\"\\t\\x1bé…'\"");
    assert_eq!(quoted("\u{9b}1m\u{202e}\u{e0041}"), r#""\u009b1m\u202e\U000e0041""#);
    assert_eq!((ellipsis("12345", 5).as_str(), ellipsis("123456", 5).as_str()), ("12345", "1234…"));
}
