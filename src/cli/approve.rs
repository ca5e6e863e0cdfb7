//! `approve`: a person signs a saved plan with the key that is theirs alone.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use onestream::control::audit::{Ledger, machine};
use onestream::control::{Approvals, Keys, Store, is_genuine};
use onestream::kinds::KINDS;
use onestream::provision::approval::{Approval, LONGEST, Statement};
use onestream::provision::audit::{Actor, Identity, Record, What};
use onestream::provision::plan::{self, Plan};
use onestream::provision::signed::RecordedKey;
use onestream::remote::azure::Azure;
use onestream::report;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::arguments::{ApproveArguments, Global};
use super::connect;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::wiring::{self, Declared};
use super::{ask, export, signing};

/// Runs `approve`.
pub async fn run(
    global: &Global,
    arguments: &ApproveArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    output.format()?;
    if arguments.expires.0 > LONGEST {
        return Err(Failure::usage("an approval holds for 7 days at most")
            .hint("approve again when it is wanted: --expires 7d"));
    }
    let declared = wiring::declared(global, output)?;
    let choice = wiring::choice(global, &declared.configuration)?;
    let plan = plan::read(&arguments.file, KINDS)?;
    let tenant = &declared.configuration.azure.tenant;
    let estate = declared.desired.estate();
    let here = plan.target.cloud == choice.name() && plan.target.estate == estate;
    if !here || plan.target.tenant != *tenant {
        let there = format!("{} (tenant {})", plan.target.cloud, plan.target.tenant);
        return Err(refused(format!(
            "the plan was made for {there}, not for {} (tenant {tenant})",
            choice.name()
        )));
    }
    let control = super::control::open(&declared.configuration, choice)?;
    let person = global.person.as_deref();
    let connect::Connected {
        azure, connection, ..
    } = connect::connect(&declared.configuration, choice, person, output).await?;
    let approved = approve(&declared, &control, &azure, &plan, arguments, output).await;
    export::at_end(&declared.configuration, &azure, control.objects(), output).await;
    connection.close().await;
    approved.map(|()| Exit::Clean)
}

async fn approve(
    declared: &Declared,
    control: &Store,
    azure: &Azure,
    plan: &Plan,
    arguments: &ApproveArguments,
    output: &Output,
) -> Result<(), Failure> {
    let person = azure
        .identity()
        .await?
        .ok_or_else(|| refused("nobody can tell who is signed in".to_owned()))?;
    let approver = approver(declared, &person, plan)?;
    if !arguments.yes && !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage("nobody can be asked: stdin is not a terminal")
                .hint("say --yes if the plan has been read"),
        );
    }
    if !output.is_for_programs() {
        let (format, style) = (output.format()?, output.style());
        output.result(&report::plan::render(plan, &[], format, &style))?;
    }
    if let Some(author) = &plan.author {
        output.remark(format!("made by {author}"));
    }
    let ledger = Ledger::of(control.objects());
    let key = own_key(declared, azure, &approver, &Keys::of(control.objects())).await?;
    let question = format!("Approve this plan as {approver} on {}?", plan.target.cloud);
    if !arguments.yes && !ask::confirmed(&question).await? {
        return Err(refused("not confirmed: nothing was signed".to_owned()));
    }
    let expires = UtcDateTime::now() + arguments.expires.0;
    let statement = Statement {
        plan: plan::digest(plan),
        environments: plan.environments.clone(),
        approver,
        object_id: person.object_id.clone(),
        at: ledger.now(),
        expires: expires
            .replace_nanosecond(0)
            .unwrap_or(expires)
            .format(&Rfc3339)
            .map_err(|error| Failure::of(Exit::Failed, &error))?,
        key: key.key.clone(),
    };
    let signature = signing::sign(azure, &key.key, &statement.text()).await?;
    let approval = Approval {
        statement,
        signature,
    };
    is_genuine(&approval, Some(&key)).map_err(refused)?;
    // Who approved is on record before the approval can be used.
    ledger
        .append(&record(&approval, plan, person, &ledger))
        .await?;
    Approvals::of(control.objects()).save(&approval).await?;
    let told = report::approval::signed(&approval, &plan.target.cloud, output.format()?);
    output.result(&told)
}

fn refused(message: String) -> Failure {
    Failure::new(Exit::Refused, message)
}

/// Under which name a person may approve a plan.
fn approver(declared: &Declared, person: &Identity, plan: &Plan) -> Result<String, Failure> {
    let approvers = &declared.configuration.approvers;
    let found = approvers.iter().find(|(_, id)| **id == person.object_id);
    let Some((name, _)) = found else {
        let known: Vec<&str> = approvers.keys().map(String::as_str).collect();
        let hint = match known.as_slice() {
            [] => "a group of rbac/principals.toml with `approves = true` says who does".to_owned(),
            known => format!("these do: {}", known.join(", ")),
        };
        return Err(refused(format!("{person} does not approve plans")).hint(hint));
    };
    match &plan.author {
        None => Err(refused("the plan does not say who made it".to_owned())
            .hint("make it anew: onestream plan --out FILE")),
        Some(author) if author.object_id == person.object_id => Err(refused(format!(
            "{name} made the plan: somebody else has to approve it"
        ))),
        Some(_) => Ok(name.clone()),
    }
}

/// The key that an approver signs with: as it was recorded, and as the vault has it.
async fn own_key(
    declared: &Declared,
    azure: &Azure,
    approver: &str,
    keys: &Keys,
) -> Result<RecordedKey, Failure> {
    let vault = wiring::signing_vault(&declared.configuration);
    let vault = vault.ok_or_else(|| refused("there is no shared vault with keys".to_owned()))?;
    let name = signing::approver_key(approver);
    let recorded = keys.get(&vault.name, &name).await?.ok_or_else(|| {
        refused(format!("no key of {approver} is recorded"))
            .hint("`onestream apply` makes and records them, also where it changes nothing else")
    })?;
    match signing::stands(azure, &recorded).await? {
        true => Ok(recorded),
        false => Err(refused(format!(
            "{} is not the key in the vault: whose it is cannot be told",
            recorded.key
        ))),
    }
}

fn record(approval: &Approval, plan: &Plan, person: Identity, ledger: &Ledger) -> Record {
    let said = &approval.statement;
    Record {
        at: ledger.now(),
        run: Uuid::new_v4().to_string(),
        actor: Actor {
            identity: Some(person),
            machine: machine(),
        },
        command: "approve".to_owned(),
        event: What::Approved {
            approver: said.approver.clone(),
            expires: said.expires.clone(),
        },
        environments: plan.environments.clone(),
        addresses: Vec::new(),
        plan: Some(said.plan.clone()),
        permits: BTreeMap::new(),
        note: None,
    }
}
