//! Libraries: released without anything that runs, and pinned by a commit, which is the same everywhere.

use end_to_end::{Cloud, Component, Ended, Service, until};
use serde_json::{Value, json};
use std::time::Duration;

/// From the stop of an execution until its row says how it ended.
const STOPPED: Duration = Duration::from_secs(120);

const CODEBUILD: &str = "\n[machine]\nkind = \"codebuild\"\n";

async fn released(library: &Component, version: &str) -> String {
    let (sha, ended) = library
        .release(&Service::library(&library.name, version))
        .await;
    assert_eq!(
        ended.output()["outcome"],
        "libraries_released",
        "{ended:#?}"
    );
    sha
}

async fn row_of(library: &Component, commit: &str) -> Option<Value> {
    let pk = format!("component#{}", library.name);
    library.cloud.row(&pk, &format!("artifact#{commit}")).await
}

/// What the live service has found in its `$VENDOR`.
async fn vendored(user: &Component) -> Value {
    let said = user.get("/version").await.expect("the alias answers");
    said["vendor"].clone()
}

async fn together(library: &Component, user: &Component, versions: [&str; 2]) -> Ended {
    let versions = json!({&library.name: versions[0], &user.name: versions[1]});
    let input = json!({"versions": versions, "target": user.target});
    user.by_hand(input).await
}

#[tokio::test]
async fn a_library_is_released_and_nothing_of_it_runs_and_its_user_has_it_everywhere() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib", "dev").await;
    let first = released(&library, "one").await;
    let row = row_of(&library, &first).await.expect("a row");
    assert_eq!(row["kind"], "library", "{row}");
    let key = format!("artifacts/{0}/{0}-{first}.tar.zst", library.name);
    assert_eq!(row["key"], key, "{row}");
    let candidates = format!("candidate#{}", library.name);
    let standing = cloud.rows_of("target#dev", &candidates).await;
    assert_eq!(standing, Vec::<Value>::new());
    let tagged = cloud.tagged("cutover:component", &library.name).await;
    assert_eq!(tagged, Vec::<String>::new());

    let user = Component::new(&cloud, "lib-user", "dev").await;
    let service = |version, commit: &str| Service::good(version).pinning(&library.name, commit);
    user.goes_live(&service("1", &first)).await;
    assert_eq!(vendored(&user).await, json!({&library.name: "one"}));

    // In containers of their own, with a newer one; and back to the very one of before.
    let second = released(&library, "two").await;
    let newer = user.cutover(&["vendor"]).await;
    let newer = newer.good("cutover vendor");
    let pin = format!("{} = {{ commit = \"{second}\" }}", library.name);
    for part in [&first[..12], "1 newer", &second[..12], "[vendor]", &pin] {
        assert!(newer.contains(part), "not `{part}`: {newer}");
    }
    let mut contained = service("2", &second);
    contained.more_manifest = CODEBUILD.into();
    user.goes_live(&contained).await;
    assert_eq!(vendored(&user).await, json!({&library.name: "two"}));
    let shown = cloud.cutover(&["component", "show", &library.name]).await;
    let shown = shown.good("cutover component show");
    let used =
        |line: &str| line.contains(&second) && line.contains(&format!("{} on dev", user.name));
    assert!(shown.lines().any(used), "{shown}");
    let unused = |line: &str| line.contains(&first) && line.contains("nobody");
    assert!(shown.lines().any(unused), "{shown}");
    let back = json!({"component": user.name, "version": "previous", "target": "dev"});
    assert_eq!(user.by_hand(back).await.output()["outcome"], "live");
    assert_eq!(vendored(&user).await, json!({&library.name: "one"}));

    let again = json!({"component": library.name, "version": first, "target": "dev"});
    let again = library.by_hand(again).await;
    assert_eq!(again.output()["outcome"], "already_live", "{again:#?}");
    assert_eq!(
        again.output()["already_built"][0]["commit"],
        first,
        "{again:#?}"
    );
}

#[tokio::test]
async fn a_pin_that_is_not_released_is_refused_before_any_command() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib-unbuilt", "dev").await;
    let sha = library
        .commit(&Service::library(&library.name, "one"))
        .await;
    let user = Component::new(&cloud, "lib-early", "dev").await;
    let other = Component::new(&cloud, "lib-service", "dev").await;
    let first = format!("cutover release {} --version {sha}", library.name);
    let cases = [
        (
            &library.name,
            sha.as_str(),
            "LibraryNotReleased",
            first.as_str(),
        ),
        (
            &library.name,
            "main",
            "ManifestInvalid",
            "commit is `main`, and must be the 40",
        ),
        (
            &other.name,
            sha.as_str(),
            "LibraryNotReleased",
            "is a service, and only a library",
        ),
    ];
    for (n, (name, pin, error, said)) in cases.into_iter().enumerate() {
        let service = Service::good(&n.to_string()).pinning(name, pin);
        let (commit, ended) = user.release(&service).await;
        assert_eq!(ended.error, error, "{ended:#?}");
        assert!(ended.cause.contains(said), "not `{said}`: {}", ended.cause);
        let states = user.execution_of(&commit).await.states().await;
        let ran = ["Plan companions", "Unit tests", "Build"];
        let ran = states.iter().find(|state| ran.contains(&state.as_str()));
        assert_eq!(ran, None, "{states:?}");
    }
}

#[tokio::test]
async fn a_library_and_its_user_are_released_together_and_it_stays_when_its_user_fails() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib-both", "dev").await;
    let user = Component::new(&cloud, "lib-beside", "dev").await;
    let mut shas = Vec::new();
    for version in ["one", "two"] {
        let sha = library
            .commit(&Service::library(&library.name, version))
            .await;
        library.push_by_folder(&sha).await;
        shas.push(sha);
    }
    let service = Service::good("1").pinning(&library.name, &shas[0]);
    let good = user.commit(&service).await;
    user.push_by_folder(&good).await;
    let ended = together(&library, &user, [&shas[0], &good]).await;
    let output = ended.output();
    assert_eq!(output["outcome"], "live", "{ended:#?}");
    assert_eq!(output["libraries"][0]["commit"], shas[0], "{output:#?}");
    assert_eq!(vendored(&user).await, json!({&library.name: "one"}));

    let mut service = Service::good("2").pinning(&library.name, &shas[1]);
    service.unit_tests = "sh -c 'exit 3'".into();
    let red = user.commit(&service).await;
    user.push_by_folder(&red).await;
    let ended = together(&library, &user, [&shas[1], &red]).await;
    assert_eq!(ended.error, "UnitTestsFailed", "{ended:#?}");
    let stays = format!(
        "The library {} {} is released and stays so.",
        library.name,
        &shas[1][..12]
    );
    assert!(ended.cause.contains(&stays), "{}", ended.cause);
    assert!(row_of(&library, &shas[1]).await.is_some());
    user.stands_alone(&good).await;
}

#[tokio::test]
async fn a_library_whose_suite_fails_cannot_be_pinned() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib-red", "dev").await;
    let mut red = Service::library(&library.name, "one");
    red.add_suite("red", "sh -c 'echo no such luck; exit 3'");
    let (sha, ended) = library.release(&red).await;
    assert_eq!(ended.error, "IntegrationTestsFailed", "{ended:#?}");
    for said in ["Nothing that runs is affected: ", "no such luck"] {
        assert!(ended.cause.contains(said), "not `{said}`: {}", ended.cause);
    }
    assert_eq!(row_of(&library, &sha).await, None);
    // Nor by who says that it passed.
    let asked = library
        .execution_of(&sha)
        .await
        .input_of("Unit tests")
        .await;
    let forged = json!({"release": asked["release"], "libraries": [asked["item"]], "alone": true});
    let answer = cloud.call("push-artifacts", &forged).await;
    assert_eq!(answer["errorType"], "IntegrationTestsFailed", "{answer}");
    let mut other = forged.clone();
    other["release"]["ticket"] = json!(999_997);
    let answer = cloud.call("push-artifacts", &other).await;
    assert_eq!(answer["errorType"], "EvidenceRefused", "{answer}");
    assert_eq!(row_of(&library, &sha).await, None);
    let user = Component::new(&cloud, "lib-pins-red", "dev").await;
    let service = Service::good("1").pinning(&library.name, &sha);
    let (_, ended) = user.release(&service).await;
    assert_eq!(ended.error, "LibraryNotReleased", "{ended:#?}");
}

#[tokio::test]
#[ignore = "make test-long: its kind is in make test already"]
async fn a_library_whose_suite_failed_is_released_by_its_next_release_with_its_first_artifact() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib-flaky", "dev").await;
    let passes = library.folder().join("passes");
    let mut service = Service::library(&library.name, "one");
    service.add_suite("flaky", format!("test -e {}", passes.display()));
    let (sha, ended) = library.release(&service).await;
    assert_eq!(ended.error, "IntegrationTestsFailed", "{ended:#?}");
    std::fs::write(&passes, "").expect("a file");
    let input = json!({"component": library.name, "version": sha, "target": "dev"});
    let ended = library.by_hand(input).await;
    assert_eq!(
        ended.output()["outcome"],
        "libraries_released",
        "{ended:#?}"
    );
    let built_by = &ended.output()["libraries"][0]["built_by"];
    assert_ne!(built_by, ended.release(), "{ended:#?}");
}

#[tokio::test]
async fn a_component_is_what_it_was_added_as() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib-kind", "dev").await;
    let (_, ended) = library.release(&Service::good("1")).await;
    assert_eq!(ended.error, "ManifestInvalid", "{ended:#?}");
    let said = "[component] kind is `service` in cutover.toml, and";
    assert!(ended.cause.contains(said), "{}", ended.cause);
    let service = Component::new(&cloud, "lib-no-kind", "dev").await;
    let (_, ended) = service.release(&Service::library(&service.name, "1")).await;
    assert_eq!(ended.error, "ManifestInvalid", "{ended:#?}");
    let said = format!(
        "was added as a service: correct cutover.toml, or add it again with `cutover component add {} --kind library",
        service.name
    );
    assert!(ended.cause.contains(&said), "{}", ended.cause);
}

/// Nothing of it runs, so there is nothing to sweep but its row.
#[tokio::test]
#[ignore = "make test-long: its kind is in make test already"]
async fn a_stopped_release_of_a_library_is_recorded_as_not_released() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib-stopped", "dev").await;
    let mut service = Service::library(&library.name, "one");
    service.unit_tests = "sleep 60".into();
    let sha = library.commit_and_push(&service).await;
    let execution = library.execution_of(&sha).await;
    let built = async || {
        let states = execution.states().await;
        states.iter().any(|one| one == "Unit tests").then_some(())
    };
    until(STOPPED, built).await.expect("its commands run");
    execution.stop().await;
    let ended = async || {
        let row = cloud.release_of("dev", &execution.name).await?;
        (row["outcome"] != "running").then_some(row)
    };
    let row = until(STOPPED, ended).await.expect("it is swept");
    assert_eq!(row["outcome"], "not released", "{row}");
    assert_eq!(row_of(&library, &sha).await, None);
}

#[tokio::test]
async fn a_command_changes_its_own_copy_of_a_library_and_nobody_else_s() {
    let cloud = Cloud::up().await;
    let library = Component::library(&cloud, "lib-plant", "dev").await;
    let sha = released(&library, "one").await;
    let user = Component::new(&cloud, "lib-thief", "dev").await;
    let mut service = Service::good("1").pinning(&library.name, &sha);
    let plant = format!(
        "echo planted >$VENDOR/{0}/words && echo x >$VENDOR/{0}/more",
        library.name
    );
    service.build = format!("sh -c '{plant} && sh build.sh'");
    service.unit_tests = format!("sh -c '{plant}'");
    user.goes_live(&service).await;
    assert_eq!(vendored(&user).await, json!({&library.name: "one"}));

    // Whoever may write there has changed it: it is not what the row names.
    let row = row_of(&library, &sha).await.expect("a row");
    let key = row["key"].as_str().expect("a key");
    let bucket = cloud.variable("CUTOVER_BUCKET");
    let to = format!("s3://{bucket}/{key}");
    let junk = user.folder().join("server.py");
    let junk = junk.to_str().expect("a path");
    let written = cloud
        .aws(&["s3", "cp", "--only-show-errors", junk, &to])
        .await;
    written.good("aws s3 cp");
    let service = Service::good("2").pinning(&library.name, &sha);
    let (_, ended) = user.release(&service).await;
    assert_eq!(ended.error, "Corrupt", "{ended:#?}");
    assert!(ended.cause.contains(key), "{}", ended.cause);
}
