//! The local cloud as its users meet it: started in a folder of its own, used with the aws cli,
//! git and plain HTTP. Needs the tools that `local/setup.sh` installs.

mod aws;
mod cli;
mod functions;
mod harness;
mod instances;
mod isolation;
mod launches;
mod life;
mod machine;
mod pushes;
mod records;
mod requests;
mod services;
mod stacks;
mod targets;
mod users;
