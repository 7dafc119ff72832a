use super::*;

const A: &str = "aaaaaaa100000000000000000000000000000000";
const B: &str = "aaaaaaa200000000000000000000000000000000";
const C: &str = "ccccccc300000000000000000000000000000000";

fn refs() -> Refs {
    let map = |pairs: &[(&str, &str)]| {
        let owned = |(name, commit): &(&str, &str)| (name.to_string(), commit.to_string());
        pairs.iter().map(owned).collect()
    };
    Refs {
        head: Some(A.to_owned()),
        head_branch: Some("main".to_owned()),
        branches: map(&[("main", A), ("v1", B), ("fix/x", C), ("abcdef0", C), (B, C)]),
        tags: map(&[("v1", C), ("v2", B)]),
    }
}

fn check(version: &str, commit: &str, named: Named) {
    assert_eq!(
        refs().resolve(version),
        Ok(found(commit, named)),
        "{version}"
    );
}

#[test]
fn head_tags_and_branches_are_found_by_their_exact_name() {
    check("HEAD", A, Named::Head);
    check("v2", B, Named::Tag("v2".into()));
    check("main", A, Named::Branch("main".into()));
    check("fix/x", C, Named::Branch("fix/x".into()));
}

fn refused(version: &str, expected: &str) {
    assert_eq!(refs().resolve(version).unwrap_err().to_string(), expected);
}

#[test]
fn a_tag_and_a_branch_of_one_name_are_told_apart() {
    refused(
        "v1",
        "v1 is a tag at ccccccc30000 and a branch at aaaaaaa20000: write refs/tags/v1 or refs/heads/v1",
    );
    check("refs/heads/v1", B, Named::Branch("v1".into()));
    check("refs/tags/v1", C, Named::Tag("v1".into()));
    let mut same = refs();
    same.branches.insert("v1".into(), C.into());
    assert_eq!(same.resolve("v1"), Ok(found(C, Named::Tag("v1".into()))));
}

/// Who may push tags must not be able to put another commit into somebody's hotfix.
#[test]
fn a_name_that_poses_as_a_commit_is_refused() {
    refused(
        "abcdef0",
        "abcdef0 is a branch at ccccccc30000 and reads like the beginning of another commit's SHA: write refs/heads/abcdef0, or the full SHA of the commit",
    );
    let mut posing = refs();
    posing.tags.insert("ccccccc3".into(), B.into());
    let error = posing.resolve("ccccccc3").unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "ccccccc3 is a tag at aaaaaaa20000 and the beginning of commit {C}: write refs/tags/ccccccc3, or the full SHA of the commit"
        )
    );
    // Of its own commit it may be.
    posing.tags.insert("ccccccc3".into(), C.into());
    assert_eq!(
        posing.resolve("ccccccc3"),
        Ok(found(C, Named::Tag("ccccccc3".into())))
    );
}

#[test]
fn a_date_is_a_name() {
    let mut dated = refs();
    dated.tags.insert("20261129".into(), B.into());
    assert_eq!(
        dated.resolve("20261129"),
        Ok(found(B, Named::Tag("20261129".into())))
    );
    let commit = format!("20261129{}", "0".repeat(32));
    dated.branches.insert("other".into(), commit);
    assert!(matches!(
        dated.resolve("20261129"),
        Err(ResolveError::Poses { .. })
    ));
}

#[test]
fn a_head_that_leads_to_a_missing_branch_is_not_an_empty_repository() {
    let mut refs = refs();
    refs.head = None;
    refs.head_branch = Some("master".into());
    let error = refs.resolve("HEAD").unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "HEAD leads to branch master, which the repository does not have; it has {B}, abcdef0, fix/x and 2 more: name one of them, or have HEAD lead to it"
        )
    );
}

#[test]
fn a_full_sha_is_itself_even_if_a_branch_is_called_that() {
    check(B, B, Named::AdvertisedSha);
    check(&B.to_uppercase(), B, Named::AdvertisedSha);
    let other = "1".repeat(40);
    check(&other, &other, Named::UnprovenSha);
}

#[test]
fn a_short_sha_is_found_if_exactly_one_commit_begins_with_it() {
    check("ccccccc", C, Named::AdvertisedSha);
    let ambiguous = refs().resolve("aaaaaaa").unwrap_err();
    let text = "aaaaaaa begins 2 commits: give the full SHA, a branch or a tag";
    assert_eq!(ambiguous.to_string(), text);
    let unknown = refs().resolve("1234567").unwrap_err();
    assert!(
        unknown.to_string().contains("give the full SHA"),
        "{unknown}"
    );
}

#[test]
fn anything_else_is_not_found() {
    for version in [
        "",
        "head",
        "v3",
        "--upload-pack=x",
        "../../etc",
        "mai",
        "ccc",
        "refs/heads/v2",
    ] {
        let error = refs().resolve(version).unwrap_err();
        assert!(matches!(error, ResolveError::NotFound { .. }), "{version}");
    }
}

#[test]
fn an_empty_repository_has_no_head() {
    assert_eq!(Refs::default().resolve("HEAD"), Err(ResolveError::Empty));
}
