//! Caches: a build begins with what the last build left whose release went live on the same target, and with
//! nothing else.

use end_to_end::{Cloud, Component, Ended, Execution, Service, ask};
use serde_json::json;
use std::time::Duration;

const RELEASED: Duration = Duration::from_secs(180);
const CODEBUILD: &str = "\n[machine]\nkind = \"codebuild\"\n";

/// A version whose build says what it begins with, and leaves its own name.
fn keeping(version: &str) -> Service {
    let mut service = Service::good(version);
    service.more_of_build = "cache = [\"kept\"]\n".into();
    service.build = "sh -c 'echo began with: $(cat kept/names 2>/dev/null); mkdir -p kept && cat VERSION >>kept/names && sh build.sh'".into();
    service
}

async fn began(component: &Component, ended: &Ended) -> String {
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    let key = format!("logs/{}/{}/build.log", ended.release(), component.name);
    let log = component.cloud.object(&key).await.expect("a log");
    let began = log
        .lines()
        .find_map(|line| line.strip_prefix("began with:"));
    began.expect("it says so").trim().to_owned()
}

#[tokio::test]
async fn a_build_begins_with_what_the_last_one_left_that_went_live_on_its_target() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "cache", "dev").await;
    let (_, first) = component.release(&keeping("1")).await;
    assert_eq!(began(&component, &first).await, "");
    assert_eq!(first.output()["caches"], json!([]), "{first:#?}");
    let mut red = keeping("poison");
    red.add_suite("red", "false");
    let (_, ended) = component.release(&red).await;
    assert_eq!(ended.error, "IntegrationTestsFailed", "{ended:#?}");
    let (_, second) = component.release(&keeping("2")).await;
    assert_eq!(began(&component, &second).await, "1");
    let had = json!([{"component": component.name, "of": first.release()}]);
    assert_eq!(second.output()["caches"], had, "{second:#?}");

    // Another target has its own, and so has another place.
    let sha = component.commit(&keeping("elsewhere")).await;
    component.push_by_folder(&sha).await;
    let input = json!({"component": component.name, "version": sha, "target": "stage"});
    let ended = Execution::start(&cloud, &input).await.end(RELEASED).await;
    assert_eq!(began(&component, &ended).await, "");
    for (version, expected) in [("3", ""), ("4", "3")] {
        let mut contained = keeping(version);
        contained.more_manifest = CODEBUILD.into();
        let (_, ended) = component.release(&contained).await;
        assert_eq!(began(&component, &ended).await, expected, "{version}");
    }
}

#[tokio::test]
#[ignore = "make test-long: its kind is in make test already"]
async fn a_cache_that_is_not_what_was_kept_is_left_out() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "cache-bad", "dev").await;
    component.goes_live(&keeping("1")).await;
    let prefix = format!("caches/dev/{}/", component.name);
    let first = cloud.keys(&prefix).await;
    component.goes_live(&keeping("2")).await;
    let both = cloud.keys(&prefix).await;
    assert_eq!((first.len(), both.len()), (1, 2), "{both:?}");
    // Whoever may write there puts an older one in the place of the newer.
    let newer = both.iter().find(|key| **key != first[0]).expect("another");
    let bucket = cloud.variable("CUTOVER_BUCKET");
    let [from, to] = [&first[0], newer].map(|key| format!("s3://{bucket}/{key}"));
    let copied = ["s3", "cp", "--only-show-errors", &from, &to];
    cloud.aws(&copied).await.good("aws s3 cp");
    let (_, ended) = component.release(&keeping("3")).await;
    assert_eq!(began(&component, &ended).await, "");
    let (_, ended) = component.release(&keeping("4")).await;
    assert_eq!(began(&component, &ended).await, "3");
}

/// Make goes by the times of files: what a newer commit's build has left must not count as an older commit's.
#[tokio::test]
async fn what_a_newer_commit_left_is_made_anew_for_an_older_one() {
    const MAKE: &str = "dist/VERSION: kept/VERSION\n\tmkdir -p dist && cp server.py dist/ && cp kept/VERSION dist/\n\
        kept/VERSION: VERSION\n\tmkdir -p kept && cp VERSION kept/\n";
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "cache-old", "dev").await;
    let mut commits = Vec::new();
    for version in ["older", "newer"] {
        let mut service = keeping(version);
        service.build = "make".into();
        service.files.push(("Makefile", MAKE.into()));
        commits.push(component.commit(&service).await);
    }
    component.push_by_folder(&commits[1]).await;
    for (commit, version) in commits.iter().zip(["older", "newer"]).rev() {
        let input = json!({"component": component.name, "version": commit, "target": "dev"});
        let ended = component.by_hand(input).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        let page = ask(&cloud, &component.alias(), "/").await;
        assert_eq!(page.expect("it answers")["version"], version);
    }
}
