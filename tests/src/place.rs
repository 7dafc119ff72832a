//! A test's own target: provisioned, torn down, and searched for.

use crate::Cloud;
use crate::execution::{Ended, Execution, machine};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What one execution of the target machine takes on a busy machine.
const DONE: Duration = Duration::from_secs(240);

/// From an ended instance to its last process gone: a look of the instance host, SIGTERM, grace.
const GONE: Duration = Duration::from_secs(20);

/// What differs from AWS here, as in infra/deploy-local.sh: one image, and no time for waiting.
pub const HERE: [(&str, &str); 5] = [
    ("Architecture", "x86_64"),
    (
        "ImageArm64",
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
    ),
    ("AliasTtl", "2"),
    ("HostnameTtl", "2"),
    ("DrainMargin", "1"),
];

/// A target that nothing else knows of.
#[derive(Debug, Clone)]
pub struct Place {
    pub cloud: Cloud,
    pub name: &'static str,
}

impl Place {
    /// A name of its own; nothing is made yet. At most 16 characters, which is all a target may have.
    pub fn new(cloud: &Cloud, what: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("a clock").as_secs() % 100_000;
        Self {
            cloud: cloud.clone(),
            name: Box::leak(format!("t-{what}-{now}").into_boxed_str()),
        }
    }

    /// The target that a hotfix goes to, which is there already.
    pub fn prod(cloud: &Cloud) -> Self {
        Self {
            cloud: cloud.clone(),
            name: "prod",
        }
    }

    /// The input that provisions it here, with these parameters.
    pub fn wanted(&self, more: &[(&str, &str)]) -> Value {
        let parameters: BTreeMap<&str, &str> = HERE.iter().chain(more).copied().collect();
        json!({"action": "provision", "target": self.name, "parameters": parameters})
    }

    /// Provisions it, delegated in the domain's own zone, and waits for the end.
    pub async fn provision(&self, more: &[(&str, &str)]) -> Ended {
        let parent = self.cloud.parent_zone().await;
        let delegated = [&[("ParentZoneId", parent.as_str())], more].concat();
        self.run(&self.wanted(&delegated)).await
    }

    /// Tears it down and waits for the end.
    pub async fn teardown(&self) -> Ended {
        self.run(&json!({"action": "teardown", "target": self.name}))
            .await
    }

    /// One execution of the target machine, to its end.
    pub async fn run(&self, input: &Value) -> Ended {
        self.start(input).await.end(DONE).await
    }

    /// Starts one execution of the target machine.
    pub async fn start(&self, input: &Value) -> Execution {
        let started = self
            .cloud
            .steps
            .start_execution()
            .state_machine_arn(machine(&self.cloud, "target"))
            .input(input.to_string())
            .send()
            .await;
        Execution::from_arn(&self.cloud, started.expect("it starts").execution_arn())
    }

    /// Stops an execution as soon as it has entered a state; answers the state it was in.
    /// `None` where it had ended by itself before it could be stopped: some states take no time.
    pub async fn stop_in(&self, execution: &Execution, state: &str) -> Option<String> {
        let deadline = Instant::now() + DONE;
        while !self.entered(execution).await.iter().any(|one| one == state) {
            assert!(Instant::now() < deadline, "{state} was never entered");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let stopped = self
            .cloud
            .steps
            .stop_execution()
            .execution_arn(&execution.arn);
        if let Err(error) = stopped.send().await {
            let error = error.into_service_error();
            assert!(error.is_validation_exception(), "{error:?}");
            return None;
        }
        if execution.end(DONE).await.status != "ABORTED" {
            return None;
        }
        Some(self.entered(execution).await.pop().unwrap_or_default())
    }

    /// The states that an execution has entered, without a program that takes a second to ask.
    pub async fn entered(&self, execution: &Execution) -> Vec<String> {
        let asked = self.cloud.steps.get_execution_history();
        let history = asked
            .execution_arn(&execution.arn)
            .max_results(1000)
            .send()
            .await;
        let history = history.expect("the history can be read");
        let name = |event: &aws_sdk_sfn::types::HistoryEvent| {
            Some(event.state_entered_event_details()?.name().to_owned())
        };
        history.events().iter().filter_map(name).collect()
    }

    /// Leaves its stack as a creation does that was rolled back, and was to leave it for a look.
    pub async fn leave_half_made(&self) {
        let project = self.cloud.variable("CUTOVER_PROJECT");
        let stack = format!("{project}-{}", self.name);
        let template = json!({"Resources": {"Vpc": {"Type": "AWS::EC2::VPC",
            "Properties": {"CidrBlock": "10.0.0.0/8"}}}});
        let tag = |name: &str, value: &str| {
            let tag = aws_sdk_cloudformation::types::Tag::builder();
            tag.key(name).value(value).build()
        };
        let stacks = &self.cloud.stacks;
        let create = stacks
            .create_stack()
            .stack_name(&stack)
            .template_body(template.to_string())
            .on_failure(aws_sdk_cloudformation::types::OnFailure::Rollback)
            .tags(tag("cutover:project", project))
            .tags(tag("cutover:target", self.name));
        create.send().await.expect("the stack is begun");
        let rolled_back = crate::until(DONE, async || {
            let seen = stacks.describe_stacks().stack_name(&stack).send().await;
            let seen = seen.expect("the stack can be described");
            let status = seen.stacks().first()?.stack_status()?;
            (status.as_str() == "ROLLBACK_COMPLETE").then_some(())
        });
        assert!(rolled_back.await.is_some(), "{stack} is rolled back");
    }

    /// ARNs of all that has its tag, but of instances that have ended.
    pub async fn tagged(&self) -> Vec<String> {
        let arns = self.cloud.tagged("cutover:target", self.name).await;
        let up = self.instances().await;
        arns.into_iter()
            .filter(|arn| !arn.contains(":instance/") || up.iter().any(|id| arn.ends_with(id)))
            .collect()
    }

    /// A bucket that somebody made by hand and gave the tags of the target; answers its name.
    pub async fn stray_bucket(&self) -> String {
        let bucket = format!("{}-stray", self.name);
        let create = ["s3api", "create-bucket", "--bucket", &bucket];
        self.cloud.aws(&create).await.good("create-bucket");
        let tags = format!(
            "TagSet=[{{Key=cutover:project,Value={}}},{{Key=cutover:target,Value={}}}]",
            self.cloud.variable("CUTOVER_PROJECT"),
            self.name
        );
        let tag = [
            "s3api",
            "put-bucket-tagging",
            "--bucket",
            &bucket,
            "--tagging",
            &tags,
        ];
        self.cloud.aws(&tag).await.good("put-bucket-tagging");
        bucket
    }

    /// Deletes the snapshot that a protected database has left.
    pub async fn delete_snapshot(&self, arn: &str) {
        let name = arn.rsplit(':').next().unwrap_or_default();
        // Of all services, the CLI does not take this one's address from AWS_ENDPOINT_URL.
        let here = self.cloud.variable("AWS_ENDPOINT_URL");
        let delete = [
            "rds",
            "delete-db-snapshot",
            "--endpoint-url",
            here,
            "--db-snapshot-identifier",
            name,
        ];
        self.cloud.aws(&delete).await.good("delete-db-snapshot");
    }

    /// Its instances that have not ended.
    pub async fn instances(&self) -> Vec<String> {
        let filter = aws_sdk_ec2::types::Filter::builder()
            .name("tag:cutover:target")
            .values(self.name)
            .build();
        let seen = self
            .cloud
            .machines
            .describe_instances()
            .filters(filter)
            .send()
            .await;
        let seen = seen.expect("instances can be described");
        let all = seen.reservations().iter().flat_map(|one| one.instances());
        let up = all.filter(|one| {
            let state = one.state().and_then(|state| state.name());
            state.is_none_or(|state| state.as_str() != "terminated")
        });
        up.filter_map(|one| one.instance_id().map(str::to_owned))
            .collect()
    }

    /// The types of its instances that have not ended.
    pub async fn types(&self) -> Vec<String> {
        let described = self.cloud.machines.describe_instances();
        let described = described.set_instance_ids(Some(self.instances().await));
        let seen = described.send().await.expect("instances can be described");
        let all = seen.reservations().iter().flat_map(|one| one.instances());
        all.filter_map(|one| Some(one.instance_type()?.as_str().to_owned()))
            .collect()
    }

    /// The sort keys of its rows.
    pub async fn rows(&self) -> Vec<String> {
        let asked = self.cloud.rows.query();
        let reply = asked
            .table_name(self.cloud.variable("CUTOVER_TABLE"))
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(
                ":pk",
                aws_sdk_dynamodb::types::AttributeValue::S(format!("target#{}", self.name)),
            )
            .consistent_read(true)
            .send()
            .await;
        let items = reply
            .expect("the table can be read")
            .items
            .unwrap_or_default();
        items
            .iter()
            .filter_map(|item| item["sk"].as_s().ok().cloned())
            .collect()
    }

    /// Panics if anything is left of it but the counter of its tickets.
    pub async fn left_nothing(&self) {
        assert_eq!(self.left().await, Vec::<String>::new(), "{}", self.name);
    }

    /// What is left of it but the counter of its tickets, each with what it is.
    pub async fn left(&self) -> Vec<String> {
        let domain = self.cloud.domain(self.name);
        let mut rows = self.rows().await;
        rows.retain(|sk| sk != "ticket");
        let mut left = of_kind("tagged", self.tagged().await);
        left.extend(of_kind("zone", self.zones(&domain).await));
        left.extend(of_kind("row", rows));
        for folder in ["logs", "reports", "builds"] {
            let keys = self.cloud.keys(&format!("{folder}/{}-r", self.name)).await;
            left.extend(of_kind("object", keys));
        }
        left.extend(of_kind("stack", self.stack().await));
        left.extend(of_kind(
            "log group",
            self.log_groups_of_its_database().await,
        ));
        let processes = async || crate::processes_with(&domain).is_empty().then_some(());
        if crate::until(GONE, processes).await.is_none() {
            left.extend(of_kind("process", crate::processes_with(&domain)));
        }
        left
    }

    async fn zones(&self, domain: &str) -> Vec<String> {
        let zones = &self.cloud.zones;
        let zones = zones.list_hosted_zones_by_name().dns_name(domain).send();
        let zones = zones.await.expect("zones can be listed");
        let named = zones.hosted_zones().iter().map(|zone| zone.name());
        let named = named.filter(|name| name.trim_end_matches('.') == domain);
        named.map(str::to_owned).collect()
    }

    /// What is known of its stack.
    async fn stack(&self) -> Option<String> {
        let stack = format!("{}-{}", self.cloud.variable("CUTOVER_PROJECT"), self.name);
        let found = self.cloud.stacks.describe_stacks().stack_name(&stack);
        let found = found
            .send()
            .await
            .map_err(|error| error.into_service_error());
        let gone = |message: &str| message.contains("does not exist");
        match &found {
            Err(error) if error.meta().message().is_some_and(gone) => None,
            other => Some(format!("{other:?}")),
        }
    }

    /// RDS makes one without tags, where the stack did not make it first.
    async fn log_groups_of_its_database(&self) -> Vec<String> {
        let project = self.cloud.variable("CUTOVER_PROJECT");
        let prefix = format!("/aws/rds/instance/{project}-{}", self.name);
        let asked = [
            "logs",
            "describe-log-groups",
            "--log-group-name-prefix",
            &prefix,
            "--query",
            "logGroups[].logGroupName",
            "--output",
            "json",
        ];
        let said = self.cloud.aws(&asked).await.good("describe-log-groups");
        serde_json::from_str(&said).expect("JSON")
    }
}

fn of_kind(what: &str, found: impl IntoIterator<Item = String>) -> Vec<String> {
    let found = found.into_iter();
    found.map(|one| format!("{what} {one}")).collect()
}

/// The account's VPCs, for as long as it is held: one of them, or all that are left. Several runs of
/// the tests may go on at the same time, so it is a lock on a file.
#[derive(Debug)]
pub struct Vpcs(#[expect(dead_code, reason = "closing it unlocks it")] std::fs::File);

impl Vpcs {
    /// For who needs one.
    pub async fn one() -> Self {
        Self::held(std::fs::File::lock_shared).await
    }

    /// For who uses them up.
    pub async fn all() -> Self {
        Self::held(std::fs::File::lock).await
    }

    async fn held(lock: fn(&std::fs::File) -> std::io::Result<()>) -> Self {
        let locked = tokio::task::spawn_blocking(move || {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/vpcs.lock");
            let file = std::fs::File::create(path).expect("a file to lock");
            lock(&file).expect("the file can be locked");
            file
        });
        Self(locked.await.expect("locking does not panic"))
    }
}
