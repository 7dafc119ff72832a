use super::*;
use expect_test::{Expect, expect};
use std::time::Duration;

const GOOD: &str = r#"
[component]
name  = "api"
peers = ["ui"]
[build]
unit_tests = "make test"
command    = "make dist"
output     = "dist"
[run]
command   = "./api"
port      = 8080
health    = "/healthz"
[[suite]]
name    = "smoke"
command = "./it/smoke.sh"
[[suite]]
name    = "zap"
command = "./it/zap.sh"
slow    = true
timeout = "10m"
"#;

fn check(text: &str, expected: Expect) {
    let api = Component::new("api").unwrap();
    expected.assert_eq(&match Manifest::parse(text, &api) {
        Ok(manifest) => serde_json::to_string(&manifest).unwrap(),
        Err(error) => error.to_string(),
    });
}

#[test]
fn a_manifest_is_read_with_its_defaults_and_survives_json() {
    let api = Component::new("api").unwrap();
    let manifest = Manifest::parse(GOOD, &api).unwrap();
    assert_eq!(manifest.service().unwrap().instances.number(), 1);
    let start = manifest.service().unwrap().start_timeout.duration();
    assert_eq!(start, Duration::from_secs(300), "a machine has to boot");
    assert_eq!(
        manifest.suites[1].timeout.duration(),
        Duration::from_secs(600)
    );
    let json = serde_json::to_value(&manifest).unwrap();
    assert_eq!(serde_json::from_value::<Manifest>(json).unwrap(), manifest);
}

#[test]
fn how_long_it_must_have_been_healthy_is_five_seconds_and_written_only_where_it_is_not() {
    let run = |more: &str| {
        let text = GOOD.replace("port      = 8080", &format!("port = 8080\n{more}"));
        Manifest::parse(&text, &Component::new("api").unwrap()).map(|all| all.run.unwrap())
    };
    let usual = run("").unwrap();
    assert_eq!(usual.healthy_for.duration(), Duration::from_secs(5));
    let written = |run: &RunSection| serde_json::to_string(run).unwrap();
    assert!(!written(&usual).contains("healthy_for"));
    assert!(written(&run("healthy_for = \"1s\"").unwrap()).contains("healthy_for"));
    assert_eq!(
        run("healthy_for = \"2m\"").unwrap_err().0,
        "[run] healthy_for is 120 s, at most 60 s; what takes longer to show is for a suite"
    );
}

#[test]
fn how_long_it_may_fail_is_half_a_minute_and_neither_a_moment_nor_for_ever() {
    let run = |more: &str| {
        let text = GOOD.replace("port      = 8080", &format!("port = 8080\n{more}"));
        Manifest::parse(&text, &Component::new("api").unwrap()).map(|all| all.run.unwrap())
    };
    let usual = run("").unwrap();
    assert_eq!(usual.unhealthy_for.duration(), Duration::from_secs(30));
    let written = |run: &RunSection| serde_json::to_string(run).unwrap();
    assert!(!written(&usual).contains("unhealthy_for"));
    assert!(written(&run("unhealthy_for = \"10s\"").unwrap()).contains("unhealthy_for"));
    for (text, seconds) in [("1s", 1), ("11m", 660)] {
        let refused = run(&format!("unhealthy_for = {text:?}")).unwrap_err().0;
        let expected =
            format!("[run] unhealthy_for is {seconds} s, at least 5 s and at most 600 s");
        assert_eq!(refused, expected);
    }
}

#[test]
fn a_release_bakes_for_an_hour_at_most_and_as_long_as_it_drains_where_nothing_is_said() {
    let run = |more: &str| {
        let text = GOOD.replace("port      = 8080", &format!("port = 8080\n{more}"));
        Manifest::parse(&text, &Component::new("api").unwrap()).map(|all| all.run.unwrap())
    };
    let written = |run: &RunSection| serde_json::to_value(run).unwrap();
    assert!(written(&run("").unwrap()).get("bake").is_none());
    // The state machine reads it as a number and an `s`.
    assert_eq!(written(&run("bake = \"60m\"").unwrap())["bake"], "3600s");
    assert_eq!(
        run("bake = \"61m\"").unwrap_err().0,
        "[run] bake is 3660 s, at most 3600 s; what was live before runs as long"
    );
    assert_eq!(
        run("drain = \"2h\"").unwrap_err().0,
        "[run] drain is 7200 s, at most 3600 s; what connects for longer has to connect again"
    );
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    check(
        &GOOD.replace("command    = \"make dist\"", "comand = \"make dist\""),
        expect![
            "line 7: unknown field `comand`, expected one of `unit_tests`, `command`, `output`, `timeout`, `unit_tests_timeout`, `machine`, `cache`, `network`"
        ],
    );
    check(
        &GOOD.replace("port      = 8080", "port = 80"),
        expect!["line 11: port 80 must be from 8000 to 8999"],
    );
    check(
        &GOOD.replace("timeout = \"10m\"", "timeout = \"9h\""),
        expect!["line 20: `9h` must be a time such as `90s`, `10m` or `2h`, from 1s to 8h"],
    );
    check(
        &GOOD.replace("output     = \"dist\"", "output = \"../x\""),
        expect!["line 8: `../x` must be a folder inside the checkout such as `dist`"],
    );
    check(
        &GOOD.replace("name    = \"zap\"", "name = \"smoke\""),
        expect!["two suites are called `smoke`"],
    );
    check(
        &GOOD.replace("\"api\"", "\"ui2\""),
        expect![
            "[component] name is `ui2`, but the release is of `api`; is the repository registered under the wrong name?"
        ],
    );
    check(
        &GOOD.replace("[\"ui\"]", "[\"api\"]"),
        expect!["[component] peers names `api` itself"],
    );
    check(
        &GOOD.replace("output     = \"dist\"", "output = \".\""),
        expect![
            "line 8: `.` would make the whole checkout the artifact, with sources and tests; have [build] command copy what runs into a folder such as `dist`"
        ],
    );
    check("", expect!["line 1: missing field `component`"]);
    let many = |count: usize| -> String {
        let suites =
            (0..count).map(|n| format!("[[suite]]\nname = \"s{n}\"\ncommand = \"true\"\n"));
        GOOD.split("[[suite]]").next().unwrap().to_owned() + &suites.collect::<String>()
    };
    let api = Component::new("api").unwrap();
    assert!(Manifest::parse(&many(200), &api).is_ok());
    check(
        &many(900),
        expect!["there are 900 [[suite]] sections, at most 200; let one command run several"],
    );
}

#[test]
fn a_command_with_a_carriage_return_in_it_is_told_so() {
    let text = GOOD.replace("\"./api\"", "\"./api \\r\\n--port 8080\"");
    let expected = expect![
        "line 10: a command is one line, and this one has a carriage return in it, as lines of Windows have"
    ];
    check(&text, expected);
    // At its end it is no part of the command, and of the file's own lines it never is.
    let text = GOOD
        .replace("\"./api\"", "\"./api\\r\"")
        .replace('\n', "\r\n");
    let manifest = Manifest::parse(&text, &Component::new("api").unwrap()).unwrap();
    assert_eq!(manifest.service().unwrap().command.as_str(), "./api");
}

#[test]
fn a_start_timeout_that_ec2_does_not_keep_is_warned_of() {
    let check = |time: &str, expected: &[&str]| {
        let text = GOOD.replace(
            "port      = 8080",
            &format!("port = 8080\nstart_timeout = \"{time}\""),
        );
        let manifest = Manifest::parse(&text, &Component::new("api").unwrap()).unwrap();
        let warnings: Vec<String> = manifest.warnings().iter().map(Reason::to_string).collect();
        assert_eq!(warnings, expected);
    };
    check(
        "30s",
        &[
            "api: [run] start_timeout: 30 s are less than a machine on EC2 takes to boot and to answer, a minute or more; leave it out for 5 minutes",
        ],
    );
    check("60s", &[]);
}

#[test]
fn a_command_that_only_a_shell_understands_is_warned_of() {
    let api = Component::new("api").unwrap();
    let text = GOOD
        .replace("make test", "make test && make lint")
        .replace("./api", "./api --port $PORT")
        .replace("./it/zap.sh", "./it/zap.sh > out");
    let manifest = Manifest::parse(&text, &api).unwrap();
    let warnings: Vec<String> = manifest.warnings().iter().map(Reason::to_string).collect();
    let begins = [
        "api: [build] unit_tests: `&&` has a meaning only in a shell",
        "api: [run] command: `$PORT` has a meaning only in a shell",
        "api: [[suite]] zap command: `>` has a meaning only in a shell",
    ];
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for (warning, begins) in warnings.iter().zip(begins) {
        assert!(warning.starts_with(begins), "{warning}");
    }
    assert_eq!(Manifest::parse(GOOD, &api).unwrap().warnings(), []);
}

const LIBRARY: &str = r#"
[component]
name = "api"
kind = "library"
[build]
unit_tests = "make test"
command    = "make dist"
output     = "dist"
[vendor]
proj = { commit = "0123456789abcdef0123456789abcdef01234567" }
"#;

#[test]
fn a_library_is_not_run_and_may_pin_libraries() {
    check(
        LIBRARY,
        expect![[
            r#"{"component":{"name":"api","kind":"library"},"build":{"unit_tests":"make test","command":"make dist","output":"dist","timeout":"600s","unit_tests_timeout":"600s"},"vendor":{"proj":{"commit":"0123456789abcdef0123456789abcdef01234567"}}}"#
        ]],
    );
    check(
        &format!("{LIBRARY}[run]\ncommand = \"./api\"\nport = 8080\n"),
        expect![
            "[run] is there, and a library has no instance that would run it; leave it out, or say kind = \"service\" in [component]"
        ],
    );
    check(
        &LIBRARY.replace("\"library\"", "\"library\"\npeers = [\"ui\"]"),
        expect![
            "[component] peers is there, and a library has no instance that would talk to them; leave it out"
        ],
    );
    check(
        &LIBRARY.replace("\"library\"", "\"service\""),
        expect![
            "[run] is missing: it says how a service is started, and where it listens. What only other components use says kind = \"library\" in [component]"
        ],
    );
    check(
        &LIBRARY.replace("\"library\"", "\"lib\""),
        expect!["line 4: `lib` must be `service` or `library`"],
    );
}

#[test]
fn a_pin_is_a_whole_commit_of_another_component() {
    let pin = |commit: &str| LIBRARY.replace("0123456789abcdef0123456789abcdef01234567", commit);
    for name in [
        "main",
        "v1.2.3",
        "HEAD",
        "0123456789ab",
        &"A".repeat(40),
        "",
    ] {
        let found = Manifest::parse(&pin(name), &Component::new("api").unwrap());
        let said = found.unwrap_err().0;
        let expected =
            format!("[vendor] proj: commit is `{name}`, and must be the 40 lower-case hexadecimal");
        assert!(said.starts_with(&expected), "{said}");
    }
    check(
        &LIBRARY.replace("proj =", "api ="),
        expect!["[vendor] pins `api` itself"],
    );
    check(
        &LIBRARY.replace("commit =", "branch ="),
        expect!["line 10: unknown field `branch`, expected `commit`"],
    );
    check(
        &LIBRARY.replace("proj =", "\"../proj\" ="),
        expect![
            "line 10: `../proj` is not a component name: 1 to 30 lower-case letters, digits and single hyphens, beginning with a letter"
        ],
    );
    let pins = |count: usize| {
        let pin = |n| format!("p{n} = {{ commit = \"{}\" }}\n", "0".repeat(40));
        LIBRARY.to_owned() + &(0..count).map(pin).collect::<String>()
    };
    let api = Component::new("api").unwrap();
    assert!(Manifest::parse(&pins(MAX_VENDORED - 1), &api).is_ok());
    check(
        &pins(MAX_VENDORED),
        expect![
            "[vendor] pins 11 libraries, at most 10; have one library vendor the others into its output"
        ],
    );
}

#[test]
fn what_a_build_keeps_are_folders_of_the_checkout_that_no_shell_would_read() {
    let keeping = |cache: &str| {
        GOOD.replace(
            "output     = \"dist\"",
            &format!("output = \"dist\"\ncache = {cache}"),
        )
    };
    let api = Component::new("api").unwrap();
    let manifest = Manifest::parse(&keeping("[\"target\", \".npm/_cacache\"]"), &api).unwrap();
    assert_eq!(manifest.build.cache[1].as_str(), ".npm/_cacache");
    for bad in ["../x", "/etc", "a b", "$(x)", "a;b", "-x", ".", ""] {
        let found = Manifest::parse(&keeping(&format!("[{bad:?}]")), &api);
        assert!(found.is_err(), "{bad:?}");
    }
    check(
        &keeping(&format!("{:?}", vec!["a"; MAX_CACHED + 1])),
        expect!["[build] cache names 11 folders, at most 10"],
    );
    check(
        &LIBRARY.replace(
            "output     = \"dist\"",
            "output = \"dist\"\ncache = [\"a\"]",
        ),
        expect![
            "[build] cache is there, and what a build leaves is kept when its release goes live, which a library's never does; leave it out"
        ],
    );
}

#[test]
fn a_cache_is_of_the_place_where_the_build_runs() {
    let place = |machine: &str| {
        let text = format!("{GOOD}{machine}");
        let manifest = Manifest::parse(&text, &Component::new("api").unwrap()).unwrap();
        let allowed = "lambda,codebuild".parse().unwrap();
        manifest.settled(&allowed).unwrap().place_of_build()
    };
    assert_eq!(place(""), "lambda");
    assert_eq!(place("[machine]\nkind = \"codebuild\"\n"), "codebuild-");
    assert_eq!(
        place("[machine]\nkind = \"codebuild\"\nimage = \"aws/codebuild/standard:7.0\"\n"),
        "codebuild-aws-codebuild-standard-7-0"
    );
}
