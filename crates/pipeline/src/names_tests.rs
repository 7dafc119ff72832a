use super::*;

#[test]
fn hostnames_and_peer_names_are_told_from_all_others() {
    let domain = Domain::new("stage.myproj.com").unwrap();
    let fqdn = |label: &str| Fqdn::new(format!("{label}.stage.myproj.com")).unwrap();
    for label in ["api-3f2a9c1b04de", "my-api-3f2a9c1b04de-r42"] {
        assert!(is_hostname(&fqdn(label), &domain), "{label}");
        assert_eq!(peer_name_of(&fqdn(label), &domain), None, "{label}");
    }
    let peer = (Component::new("my-api").unwrap(), Ticket(42));
    assert_eq!(peer_name_of(&fqdn("my-api-r42"), &domain), Some(peer));
    for label in [
        "api",
        "api-r42",
        "api-3f2a",
        "3f2a9c1b04de",
        "last.cutover",
        "api-rest",
    ] {
        assert!(!is_hostname(&fqdn(label), &domain), "{label}");
    }
    for label in ["api", "api-rest", "r42", "r42.cutover"] {
        assert_eq!(peer_name_of(&fqdn(label), &domain), None, "{label}");
    }
}

fn refused(result: Result<impl fmt::Debug, InvalidName>, part: &str) {
    let message = result.unwrap_err().to_string();
    assert!(message.contains(part), "{message}");
}

#[test]
fn a_component_is_never_mistaken_for_a_hostname_or_a_peer_name() {
    refused(Component::new("api-3f2a9c1b04de"), "hostname");
    refused(Component::new("api-r42"), "peer name");
    assert!(Component::new("api-v2").is_ok());
    assert!(Component::new("r42").is_ok());
}

#[test]
fn a_component_has_no_path_option_or_upper_case_in_it() {
    for bad in [
        "",
        "-x",
        "../x",
        "Api",
        "a--b",
        "a_b",
        "a.b",
        "a b",
        &"a".repeat(31),
    ] {
        refused(Component::new(bad), "component name");
    }
}

#[test]
fn a_repository_is_fetched_by_https_only_and_without_credentials() {
    assert!(RepositoryUrl::new("https://git.example.com/team/api.git").is_ok());
    assert!(RepositoryUrl::new("http://127.0.0.1:9000/api.git").is_ok());
    refused(
        RepositoryUrl::new("http://git.example.com/api.git"),
        "https",
    );
    refused(RepositoryUrl::new("ssh://git.example.com/api.git"), "https");
    refused(
        RepositoryUrl::new("https://user:word@git.example.com/api.git"),
        "character",
    );
    refused(RepositoryUrl::new("https://git.example.com"), "path");
    refused(RepositoryUrl::new("--upload-pack=x"), "https");
}

#[test]
fn what_identifies_a_repository_is_its_whole_address() {
    let same = |one: &str, other: &str| {
        RepositoryUrl::new(one)
            .unwrap()
            .is_same(&RepositoryUrl::new(other).unwrap())
    };
    let api = "https://git.example.com/team/api.git";
    assert!(same(api, "https://GIT.example.com/team/api"));
    assert!(same(api, "https://git.example.com/team/api.git/"));
    for other in [
        "https://git.example.com/other/api.git",
        "https://git.example.org/team/api.git",
        "https://git.example.com/team/API.git",
        "http://localhost/team/api.git",
    ] {
        assert!(!same(api, other), "{other}");
    }
}

#[test]
fn a_long_text_is_not_repeated_whole() {
    assert!(excerpt(&"x".repeat(200_000)).len() < 120);
}

#[test]
fn the_names_of_a_release_are_distinct_labels() {
    let (c, d) = (
        Component::new("api").unwrap(),
        Domain::new("stage.myproj.com").unwrap(),
    );
    let sha = Commit::new("3f2a9c1b04de000000000000000000000000beef").unwrap();
    assert_eq!(alias(&c, &d).as_str(), "api.stage.myproj.com");
    assert_eq!(
        hostname(&c, &sha, &d).as_str(),
        "api-3f2a9c1b04de.stage.myproj.com"
    );
    assert_eq!(
        hostname_of_release(&c, &sha, Ticket(42), &d).as_str(),
        "api-3f2a9c1b04de-r42.stage.myproj.com"
    );
    assert_eq!(
        peer_name(&c, Ticket(42), &d).as_str(),
        "api-r42.stage.myproj.com"
    );
    assert_eq!(
        peer_variable(&Component::new("user-db").unwrap()),
        "USER_DB_URL"
    );
}
