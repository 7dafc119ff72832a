//! A test's own component: repository, registration, pushes.

use crate::execution::{Ended, Execution};
use crate::{Cloud, Live, Said, Service, program};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// A release with everything in it, on two busy cores; alone it takes some ten seconds.
const RELEASED: Duration = Duration::from_secs(180);

/// A component that nothing else knows of.
#[derive(Debug)]
pub struct Component {
    pub cloud: Cloud,
    pub name: String,
    pub target: &'static str,
    pub port: u16,
    checkout: TempDir,
}

/// Those of this run: a second component of a name would push to the first one's repository.
static NAMES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl Component {
    /// Makes its repository and registers it: a push to `main` releases to the target.
    pub async fn new(cloud: &Cloud, what: &str, target: &'static str) -> Self {
        let component = Self::unregistered(cloud, what, target).await;
        component.follow("main", target).await;
        component
    }

    /// Makes its repository only.
    pub async fn unregistered(cloud: &Cloud, what: &str, target: &'static str) -> Self {
        let name = unique(&format!("t-{what}"));
        let is_new = NAMES.lock().expect("a list").insert(name.clone());
        assert!(is_new, "two tests call their component `{what}`");
        // Instances have an address each, so ports may coincide.
        let port = 8100
            + (name.bytes().fold(7_u16, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into())
            }) % 900);
        let checkout = TempDir::with_prefix("cutover-test-").expect("a folder for the checkout");
        let component = Self {
            cloud: cloud.clone(),
            name,
            target,
            port,
            checkout,
        };
        let local = cloud.root.join("target/debug/cutover-local");
        let made = program(
            &local,
            &["repository", "create", &component.name],
            &cloud.root,
            &cloud.environment(),
        )
        .await;
        made.good("cutover-local repository create");
        component
            .git(&["init", "--quiet", "--initial-branch=main"])
            .await;
        component
    }

    /// Makes a library's repository and registers it.
    pub async fn library(cloud: &Cloud, what: &str, target: &'static str) -> Self {
        let library = Self::unregistered(cloud, what, target).await;
        library.follow_as("library", "main", target).await;
        library
    }

    /// Registers it, or changes what it follows.
    pub async fn follow(&self, branch: &str, target: &str) {
        self.follow_as("service", branch, target).await;
    }

    async fn follow_as(&self, kind: &str, branch: &str, target: &str) {
        let follows = format!("{branch}={target}");
        let added = self
            .cloud
            .cutover(&[
                "component",
                "add",
                &self.name,
                "--kind",
                kind,
                "--repository",
                &self.url(),
                "--branch",
                &follows,
            ])
            .await;
        added.good("cutover component add");
    }

    /// Where it is fetched from.
    pub fn url(&self) -> String {
        format!("{}/{}.git", self.cloud.variable("CUTOVER_GIT"), self.name)
    }

    /// Its repository as the local cloud keeps it.
    pub fn repository(&self) -> PathBuf {
        let repositories = self.cloud.root.join(".local/repositories");
        repositories.join(format!("{}.git", self.name))
    }

    /// Makes its repository private, and answers the name of the secret that opens it.
    pub async fn close(&self) -> String {
        let local = self.cloud.root.join("target/debug/cutover-local");
        let arguments = ["repository", "create", &self.name, "--private"];
        let environment = self.cloud.environment();
        let closed = program(&local, &arguments, &self.cloud.root, &environment).await;
        closed.good("cutover-local repository create --private");
        let project = self.cloud.variable("CUTOVER_PROJECT");
        format!("cutover/{project}/{}", self.name)
    }

    /// Registers it as one whose repository is opened by a secret; no push releases it.
    pub async fn open_with(&self, secret: &str) {
        let (name, url) = (&self.name, self.url());
        let added = [
            "component",
            "add",
            name,
            "--repository",
            &url,
            "--credentials",
            secret,
        ];
        let added = self.cloud.cutover(&added).await;
        added.good("cutover component add --credentials");
    }

    /// Puts a commit into the repository by its folder, which needs no password. A branch that
    /// nothing follows.
    pub async fn push_by_folder(&self, sha: &str) {
        let folder = self.repository();
        let folder = folder.to_str().expect("a path that is text");
        let refs = format!("{sha}:refs/heads/topic");
        self.git(&["push", "--quiet", "--force", folder, &refs])
            .await;
    }

    /// `t-x.stage.myproj.localhost`
    pub fn alias(&self) -> String {
        format!("{}.{}", self.name, self.cloud.domain(self.target))
    }

    /// Its checkout.
    pub fn folder(&self) -> &Path {
        self.checkout.path()
    }

    /// Runs the `cutover` command in the checkout.
    pub async fn cutover(&self, arguments: &[&str]) -> Said {
        self.cloud.cutover_in(self.folder(), arguments).await
    }

    /// Runs git in the checkout.
    pub async fn git(&self, arguments: &[&str]) -> String {
        git(self.checkout.path(), arguments).await
    }

    /// Runs git in any folder.
    pub async fn git_in(folder: &Path, arguments: &[&str]) -> String {
        git(folder, arguments).await
    }

    /// Commits a version and answers its SHA.
    pub async fn commit(&self, service: &Service) -> String {
        self.git(&["rm", "-r", "--quiet", "--ignore-unmatch", "."])
            .await;
        service.write(self.checkout.path(), &self.name, self.port);
        self.git(&["add", "--all"]).await;
        self.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            &service.version,
        ])
        .await;
        sha_of(self.checkout.path(), "HEAD").await
    }

    /// Commits a version, pushes it to `main` and answers its SHA.
    pub async fn commit_and_push(&self, service: &Service) -> String {
        let sha = self.commit(service).await;
        self.push(&sha).await;
        sha
    }

    /// The row of what is live.
    pub async fn alias_row(&self) -> serde_json::Value {
        let pk = format!("target#{}", self.target);
        let row = self.cloud.row(&pk, &format!("alias#{}", self.name)).await;
        row.unwrap_or_else(|| panic!("nothing of {} is recorded as live", self.name))
    }

    /// Marks the row of a candidate as a discard does that comes no further.
    pub async fn mark_leaving(&self, sha: &str) {
        let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        let key = [
            ("pk", format!("target#{}", self.target)),
            ("sk", format!("candidate#{}-{}", self.name, &sha[..12])),
        ];
        let key = key.map(|(name, value)| (name.to_owned(), text(value)));
        let marked = self.cloud.rows.update_item();
        let marked = marked
            .table_name(self.cloud.variable("CUTOVER_TABLE"))
            .set_key(Some(key.into()))
            .update_expression("SET #s = :leaving")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#s", "state")
            .expression_attribute_values(":leaving", text("leaving".into()));
        marked.send().await.expect("the candidate has a row");
    }

    /// Pushes a commit to `main`.
    pub async fn push(&self, sha: &str) {
        self.push_to(sha, "main").await;
    }

    /// Pushes a commit to a branch.
    pub async fn push_to(&self, sha: &str, branch: &str) {
        self.git(&[
            "push",
            "--quiet",
            &self.url(),
            &format!("{sha}:refs/heads/{branch}"),
        ])
        .await;
    }

    /// Commits and pushes a version and waits for the end of the release that the push starts.
    pub async fn release(&self, service: &Service) -> (String, Ended) {
        let sha = self.commit(service).await;
        self.push(&sha).await;
        let execution = self.execution_of(&sha).await;
        (sha, execution.end(RELEASED).await)
    }

    /// Releases a new commit of a library by hand, and of nothing else.
    pub async fn release_library(&self, target: &str) -> Ended {
        let sha = self.commit(&Service::library(&self.name, "alone")).await;
        self.push_to(&sha, "topic").await;
        let name = &self.name;
        self.by_hand(serde_json::json!({"component": name, "version": sha, "target": target}))
            .await
    }

    /// Releases a version that must go live, and answers its commit.
    pub async fn goes_live(&self, service: &Service) -> String {
        let (sha, ended) = self.release(service).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        sha
    }

    /// The same where the push may not even start a release: `None` after the limit.
    pub async fn release_if_started(&self, service: &Service, limit: Duration) -> Option<Ended> {
        let sha = self.commit(service).await;
        self.push(&sha).await;
        let execution = Execution::within(limit, &self.cloud, &self.name_of(&sha)).await?;
        Some(execution.end(RELEASED).await)
    }

    /// The execution that the push of a commit started.
    pub async fn execution_of(&self, sha: &str) -> Execution {
        Execution::of_push(&self.cloud, &self.name_of(sha)).await
    }

    /// Whether the release that the push of a commit started waited for what was live before.
    pub async fn drained(&self, sha: &str) -> bool {
        let states = self.execution_of(sha).await.states().await;
        states.iter().any(|state| state == "Drain")
    }

    /// How the name of a push's execution begins.
    pub fn name_of(&self, sha: &str) -> String {
        format!("{}-{}-{}-", self.name, &sha[..12], self.target)
    }

    /// Starts a release by hand and waits for its end.
    pub async fn by_hand(&self, input: serde_json::Value) -> Ended {
        Execution::start(&self.cloud, &input)
            .await
            .end(RELEASED)
            .await
    }

    /// What the table says is live; panics if nothing is.
    pub async fn live(&self) -> Live {
        let live = self.cloud.live(self.target, &self.name).await;
        live.unwrap_or_else(|| {
            panic!(
                "nothing of {} is recorded as live on {}",
                self.name, self.target
            )
        })
    }
}

/// The SHA that a name means in a checkout.
pub async fn sha_of(checkout: &Path, name: &str) -> String {
    git(checkout, &["rev-parse", name]).await.trim().to_owned()
}

/// Git as on a machine without any configuration.
async fn git(folder: &Path, arguments: &[&str]) -> String {
    let environment = [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        // No hooks to copy.
        ("GIT_TEMPLATE_DIR", ""),
        ("GIT_AUTHOR_NAME", "test"),
        ("GIT_AUTHOR_EMAIL", "test@localhost"),
        ("GIT_COMMITTER_NAME", "test"),
        ("GIT_COMMITTER_EMAIL", "test@localhost"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // Nothing to tidy up, so no process that looks whether there is.
    let all = [&["-c", "maintenance.auto=false"], arguments].concat();
    program(Path::new("git"), &all, folder, &environment)
        .await
        .good(&format!("git {}", arguments.join(" ")))
}

/// A name of this run: `t-api-x1a2b`.
pub fn unique(what: &str) -> String {
    format!("{what}-{}", run())
}

/// Four letters or digits that tell this run from others: the time, to the second, for 20 days.
fn run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        let mut seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock")
            .as_secs();
        let mut mark = String::from("x"); // never like a ticket or a SHA at a name's end
        for _ in 0..4 {
            mark.push(char::from_digit((seconds % 36) as u32, 36).expect("a digit"));
            seconds /= 36;
        }
        mark
    })
}
