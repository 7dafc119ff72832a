use super::*;
use crate::text::Colour;
use expect_test::{Expect, expect};

fn seen(aliases: Vec<Value>) -> Seen {
    let rows = aliases
        .into_iter()
        .map(|row| Row(row.as_object().unwrap().clone()))
        .collect();
    Seen {
        target: "stage".into(),
        domain: "stage.myproj.com".into(),
        aliases: rows,
        unfinished: Vec::new(),
        up: Up::Seen([("i-0a1".to_owned(), "running".to_owned())].into()),
        proven: None,
    }
}

fn alias() -> Value {
    json!({
        "pk": "target#stage", "sk": "alias#api", "component": "api",
        "commit": "3f2a9c1b04de000000000000000000000000beef",
        "hostname": "api-3f2a9c1b04de.stage.myproj.com",
        "instances": [{"id": "i-0a1", "address": "54.1.2.3"}],
        "version": "v1.4.0", "release": "stage-r42", "ticket": 42, "execution": "api-v1-4-0-stage-mzx1",
        "since": "2026-07-29T18:57:00Z", "port": 8080, "artifact_sha256": "ab", "launch_template_version": "3",
        "previous": {"commit": "1b2c000000000000000000000000000000000000", "hostname": "api-1b2c00000000.stage.myproj.com", "ticket": 41, "launch_template_version": "2"},
    })
}

fn check(seen: Seen, width: Option<usize>, expected: Expect) {
    let now: jiff::Timestamp = "2026-07-29T19:00:12Z".parse().unwrap();
    let screen = Screen {
        width,
        height: None,
        colour: Colour::Plain,
    };
    expected
        .assert_eq(&shown(&seen, now.as_millisecond(), screen).unwrap_or_else(|e| e.to_string()));
}

#[test]
fn what_is_live_says_since_when_and_by_whom() {
    check(
        seen(vec![alias()]),
        None,
        expect![[r#"
        stage  stage.myproj.com
        alias                 commit        version  since                             release    execution              instances       previous
        api.stage.myproj.com  3f2a9c1b04de  v1.4.0   2026-07-29 18:57 UTC (3m12s ago)  stage-r42  api-v1-4-0-stage-mzx1  i-0a1 54.1.2.3  1b2c00000000 by r41"#]],
    );
    check(
        seen(vec![alias()]),
        Some(80),
        expect![[r#"
        stage  stage.myproj.com
        api.stage.myproj.com
          commit     3f2a9c1b04de
          version    v1.4.0
          since      2026-07-29 18:57 UTC (3m12s ago)
          release    stage-r42
          execution  api-v1-4-0-stage-mzx1
          instances  i-0a1 54.1.2.3
          previous   1b2c00000000 by r41"#]],
    );
}

#[test]
fn what_was_rolled_back_is_named_and_whether_the_set_is_proven() {
    let mut back = alias();
    back["rolled_back"] = json!("9c1b04de000000000000000000000000000000ef");
    let proven = Some(Proven {
        by: vec!["stage-r41".into()],
        ..Proven::default()
    });
    check(
        Seen {
            proven,
            ..seen(vec![back])
        },
        Some(60),
        expect![[r#"
            stage  stage.myproj.com
            api.stage.myproj.com
              commit     3f2a9c1b04de
              version    v1.4.0
              since      2026-07-29 18:57 UTC (3m12s ago)
              release    stage-r42
              execution  api-v1-4-0-stage-mzx1
              instances  i-0a1 54.1.2.3
              previous   1b2c00000000 by r41
            rolled back: api 9c1b04de0000; a push of that does not bring
            it again
            proven (by stage-r41)"#]],
    );
}

#[test]
fn a_target_without_a_release_says_so() {
    check(
        seen(vec![]),
        Some(80),
        expect![[r#"
        stage  stage.myproj.com
        nothing is live"#]],
    );
}

#[test]
fn a_row_that_cannot_be_read_is_an_error_and_not_left_out() {
    check(
        seen(vec![json!({"pk": "target#stage", "sk": "alias#api"})]),
        None,
        expect![[r#"
            row target#stage / alias#api cannot be read: missing field `component`
              it may be of a newer version of cutover; `--json` prints rows as they are"#]],
    );
}
