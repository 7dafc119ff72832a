use super::*;
use expect_test::{Expect, expect};
use pipeline::names::Component;

const COMMIT: &str = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b";

fn row_of(name: &str, url: &str, typed: &[&str]) -> Result<ComponentRow, Failure> {
    let typed: Vec<String> = typed.iter().map(|text| text.to_string()).collect();
    Ok(ComponentRow {
        component: Component::new(name).unwrap(),
        kind: Default::default(),
        repository: RepositoryUrl::new(url).unwrap(),
        branches: branches(&typed)?,
        credentials: None,
    })
}

fn row(typed: &[&str]) -> Result<ComponentRow, Failure> {
    row_of("api", "https://git.example.com/team/api.git", typed)
}

/// All targets are there, nothing is live, and the repository has only `main`.
fn around() -> Around {
    let refs = Refs {
        branches: [("main".to_owned(), COMMIT.to_owned())].into(),
        ..Refs::default()
    };
    let targets = ["stage", "prod"].map(|name| (Target::new(name).unwrap(), None));
    Around {
        repository: Repository::Open(refs),
        others: Vec::new(),
        targets: targets.into(),
    }
}

fn check(new: &ComponentRow, old: Option<&ComponentRow>, around: &Around, expected: Expect) {
    expected.assert_eq(&Added { new, old, around }.shown());
}

#[test]
fn adding_says_which_push_releases_where_and_what_no_push_will() {
    check(
        &row(&["main=stage", "production=prod"]).unwrap(),
        None,
        &around(),
        expect![[r#"
            Added api from https://git.example.com/team/api.git
              a push to main releases it to stage
              a push to production releases it to prod
            Note: its repository has no branch production yet
            Next: cutover release api --version main --target stage   (what main has now, 3f2a9c1b04de; a push releases what comes after it)
            Next: git push, then cutover watch --commit"#]],
    );
    check(
        &row(&[]).unwrap(),
        Some(&row(&["main=stage"]).unwrap()),
        &around(),
        expect![[r#"
            Changed api from https://git.example.com/team/api.git
              no push releases it: no --branch BRANCH=TARGET was given
            Next: cutover release api"#]],
    );
}

#[test]
fn what_is_live_or_was_followed_is_not_released_a_second_time() {
    let new = row(&["main=stage"]).unwrap();
    let mut live = around();
    let commit = Commit::new(COMMIT).unwrap();
    live.targets
        .insert(Target::new("stage").unwrap(), Some(commit));
    check(
        &new,
        None,
        &live,
        expect![[r#"
        Added api from https://git.example.com/team/api.git
          a push to main releases it to stage
        Next: git push, then cutover watch --commit"#]],
    );
    check(
        &new,
        Some(&new),
        &around(),
        expect![[r#"
        Unchanged: api from https://git.example.com/team/api.git
          a push to main releases it to stage
        Next: git push, then cutover watch --commit"#]],
    );
}

#[test]
fn what_is_in_the_way_is_said() {
    let new = row(&["main=dev"]).unwrap();
    let mut around = around();
    around.others = vec![
        row_of("old-api", "https://git.example.com/fork/api.git", &[]).unwrap(),
        row_of("twin", "https://git.example.com/team/api", &[]).unwrap(),
        row_of("ui", "https://git.example.com/team/ui.git", &[]).unwrap(),
    ];
    check(
        &new,
        None,
        &around,
        expect![[r#"
            Added api from https://git.example.com/team/api.git
              a push to main releases it to dev
            Note: there is no target dev yet: cutover target provision dev
            Note: the repository of old-api (https://git.example.com/fork/api.git) is called `api` too: if the event of a push has no repositoryUrl, it is not known which of the two was pushed, and neither is released
            Note: twin is in the same repository, whose cutover.toml names one component: releases of the other are refused
            Next: git push, then cutover watch --commit"#]],
    );
    let mut private = new;
    private.credentials = Some("cutover/myproj/api".parse().unwrap());
    around.repository = Repository::Private;
    around.others.clear();
    check(
        &private,
        None,
        &around,
        expect![[r#"
        Added api from https://git.example.com/team/api.git
          a push to main releases it to dev
        Note: its repository was not looked at: only the pipeline reads the secret cutover/myproj/api, and the first release will show whether it opens it
        Note: there is no target dev yet: cutover target provision dev
        Next: git push, then cutover watch --commit"#]],
    );
    assert_eq!(cells(&private)[4], "cutover/myproj/api");
}

#[test]
fn a_branch_is_a_branch_of_git_and_goes_to_one_target() {
    let refused = |typed: &[&str], expected: Expect| {
        expected.assert_eq(&row(typed).unwrap_err().to_string());
    };
    refused(
        &["main"],
        expect!["--branch `main`: say BRANCH=TARGET, e.g. main=stage"],
    );
    refused(
        &["--x=stage"],
        expect!["--branch `--x=stage`: not a branch name"],
    );
    refused(
        &["main=Stage"],
        expect![
            "--branch `main=Stage`: `Stage` is not a target name: 1 to 16 lower-case letters, digits and single hyphens, beginning with a letter"
        ],
    );
    refused(
        &["main=stage", "main=prod"],
        expect!["--branch `main=prod`: the branch is named twice"],
    );
}
