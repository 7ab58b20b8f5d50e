//! The table: each load, its cost, and its target.

use std::time::Duration;

use crate::client::MESSAGE_BYTES;
use crate::load::{self, Rate};
use crate::process::Role;

/// The extent of the measurement.
pub(crate) struct Effort {
    /// The number of runs of each load, of which the median counts.
    runs: usize,
    duration: Duration,
    connections: usize,
    members: usize,
}

impl Effort {
    pub(crate) fn full() -> Self {
        Self { runs: 5, duration: Duration::from_secs(4), connections: 5_000, members: 1_000 }
    }

    pub(crate) fn quick() -> Self {
        Self { runs: 1, duration: Duration::from_secs(1), connections: 500, members: 100 }
    }
}

const PAIRS: usize = 50;
/// The text of a cell without a measurement.
const NONE: &str = "–";

struct Row {
    work: String,
    callie: String,
    floor: String,
    reader: String,
    reached: String,
    target: String,
    well: bool,
}

/// Runs all loads, or the one named `only`.
pub(crate) async fn run(effort: &Effort, only: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let wanted = |work: &str| only.is_empty() || only == work;
    let mut rows = Vec::new();
    let mut top = None;
    if wanted("relay") || wanted("latency") {
        for (in_flight, most) in [(1, 1.15), (32, 1.5)] {
            let (row, speed) = relay_row(effort, folder, in_flight, most).await;
            rows.push(row);
            // One message at a time, like the load for the latency. In batches, a floor handles more than single
            // messages can generate.
            top = top.or(Some(speed));
        }
    }
    if wanted("group") {
        rows.push(group_row(effort, folder).await);
    }
    if wanted("memory") {
        rows.push(memory_row(effort, folder).await);
    }
    if let Some(top) = top.filter(|_| wanted("latency")) {
        rows.push(latency_row(effort, folder, top / 2.0).await);
    }
    if wanted("resume") {
        rows.push(resume_row(effort, folder).await);
        rows.push(resume_memory_row(effort, folder).await);
    }
    if wanted("comeback") {
        rows.push(comeback_row(effort, folder).await);
    }
    print(&rows);
}

async fn relay_row(effort: &Effort, folder: &std::path::Path, in_flight: u64, most: f64) -> (Row, f64) {
    let roles = [Role::Callie, Role::Floor, Role::Reader];
    let [callie, floor, reader] = all(effort, roles, |role, run| {
        let folder = folder.join(format!("relay-{in_flight}-{}-{run}", role.name()));
        async move { load::relay(role, &made(&folder), PAIRS, in_flight, effort.duration).await }
    })
    .await;
    let ratio = callie.cpu / floor.cpu;
    let row = Row {
        work: format!(
            "1:1 relay of {MESSAGE_BYTES} bytes, {PAIRS} pairs, {in_flight} in flight: CPU a message"
        ),
        callie: micros(callie.cpu),
        floor: micros(floor.cpu),
        reader: format!("{}, {:.2} × floor", micros(reader.cpu), reader.cpu / floor.cpu),
        reached: format!("{ratio:.2} × floor"),
        target: format!("≤ {most} × floor"),
        well: ratio <= most,
    };
    (row, floor.speed)
}

async fn group_row(effort: &Effort, folder: &std::path::Path) -> Row {
    let [callie, floor] = all(effort, [Role::Callie, Role::Floor], |role, run| {
        let folder = folder.join(format!("group-{}-{run}", role.name()));
        async move { load::group(role, &made(&folder), effort.members, effort.duration).await }
    })
    .await;
    let ratio = floor.cpu / callie.cpu;
    Row {
        work: format!("a group of {}: deliveries per CPU second", effort.members),
        callie: format!("{:.0}", 1.0 / callie.cpu),
        floor: format!("{:.0}", 1.0 / floor.cpu),
        reader: NONE.into(),
        reached: format!("{ratio:.2} × floor"),
        target: "≥ 0.8 × floor".into(),
        well: ratio >= 0.8,
    }
}

async fn memory_row(effort: &Effort, folder: &std::path::Path) -> Row {
    let mut sizes = [Vec::new(), Vec::new()];
    for run in 0..effort.runs.min(3) {
        for (sizes, role) in sizes.iter_mut().zip([Role::Callie, Role::Floor]) {
            let folder = made(&folder.join(format!("memory-{}-{run}", role.name())));
            sizes.push(load::memory(role, &folder, effort.connections).await);
        }
    }
    let [callie, floor] = sizes.map(median);
    Row {
        work: format!("memory of an idle connection, over {}", effort.connections),
        callie: format!("{:.2} KiB", callie / 1024.0),
        floor: format!("{:.2} KiB", floor / 1024.0),
        reader: NONE.into(),
        reached: format!("{:.2} KiB", callie / 1024.0),
        target: "≤ 8 KiB".into(),
        well: callie <= 8.0 * 1024.0,
    }
}

/// The price of connections that can be resumed, for a relay.
async fn resume_row(effort: &Effort, folder: &std::path::Path) -> Row {
    const IN_FLIGHT: u64 = 32;
    let [resuming, callie] = all(effort, [Role::Resuming, Role::Callie], |role, run| {
        let folder = folder.join(format!("resume-{}-{run}", role.name()));
        async move { load::relay(role, &made(&folder), PAIRS, IN_FLIGHT, effort.duration).await }
    })
    .await;
    let ratio = resuming.cpu / callie.cpu;
    Row {
        work: format!("1:1 relay over connections that can be resumed, {IN_FLIGHT} in flight: CPU a message"),
        callie: micros(resuming.cpu),
        floor: NONE.into(),
        reader: NONE.into(),
        reached: format!("{ratio:.2} × without ({})", micros(callie.cpu)),
        target: "≤ 1.1 × without".into(),
        well: ratio <= 1.1,
    }
}

/// The price of connections that can be resumed, in memory.
async fn resume_memory_row(effort: &Effort, folder: &std::path::Path) -> Row {
    let mut sizes = [Vec::new(), Vec::new()];
    for run in 0..effort.runs.min(3) {
        for (sizes, role) in sizes.iter_mut().zip([Role::Resuming, Role::Callie]) {
            let folder = made(&folder.join(format!("resume-memory-{}-{run}", role.name())));
            sizes.push(load::memory(role, &folder, effort.connections).await);
        }
    }
    let [resuming, callie] = sizes.map(median);
    let more = resuming - callie;
    Row {
        work: format!("memory of an idle connection that can be resumed, over {}", effort.connections),
        callie: format!("{:.2} KiB", resuming / 1024.0),
        floor: NONE.into(),
        reader: NONE.into(),
        reached: format!("{:+.2} KiB", more / 1024.0),
        target: "≤ 0.5 KiB more than without".into(),
        well: more <= 512.0,
    }
}

async fn latency_row(effort: &Effort, folder: &std::path::Path, speed: f64) -> Row {
    let mut times = [Vec::new(), Vec::new()];
    for run in 0..effort.runs {
        for (times, role) in times.iter_mut().zip([Role::Callie, Role::Floor]) {
            let folder = made(&folder.join(format!("latency-{}-{run}", role.name())));
            times.push(load::latency(role, &folder, PAIRS, speed, effort.duration).await);
        }
    }
    let [callie, floor] = times.map(median);
    let ratio = callie / floor;
    Row {
        work: format!("p99 latency at half of the floor's top rate ({speed:.0} a second)"),
        callie: format!("{:.2} ms", callie * 1e3),
        floor: format!("{:.2} ms", floor * 1e3),
        reader: NONE.into(),
        reached: format!("{ratio:.2} × floor"),
        target: "≤ 1.5 × floor".into(),
        well: ratio <= 1.5,
    }
}

async fn comeback_row(effort: &Effort, folder: &std::path::Path) -> Row {
    let mut times = Vec::new();
    for run in 0..effort.runs.min(3) {
        times.push(load::comeback(&made(&folder.join(format!("comeback-{run}"))), effort.connections).await);
    }
    let took = median(times);
    Row {
        work: format!("{} connections come back at once after a restart", effort.connections),
        callie: format!("{took:.1} s"),
        floor: NONE.into(),
        reader: NONE.into(),
        reached: format!("{took:.1} s"),
        target: "≤ 10 s, none lost".into(),
        well: took <= 10.0,
    }
}

/// Runs a load with all servers in turn, so that changes of the machine's speed affect all of them. Returns the
/// medians.
async fn all<const N: usize, F: Future<Output = Rate>>(
    effort: &Effort,
    roles: [Role; N],
    work: impl Fn(Role, usize) -> F,
) -> [Rate; N] {
    let mut rates = [const { Vec::new() }; N];
    for run in 0..effort.runs {
        for (rates, role) in rates.iter_mut().zip(roles) {
            let rate = work(role, run).await;
            eprintln!("{:>6}: {} a message, {:.0} a second", role.name(), micros(rate.cpu), rate.speed);
            rates.push(rate);
        }
    }
    rates.map(|rates: Vec<Rate>| Rate {
        cpu: median(rates.iter().map(|rate| rate.cpu).collect()),
        speed: median(rates.iter().map(|rate| rate.speed).collect()),
    })
}

fn made(folder: &std::path::Path) -> std::path::PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    folder.to_owned()
}

fn micros(seconds: f64) -> String {
    format!("{:.2} µs", seconds * 1e6)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn print(rows: &[Row]) {
    println!("| work | server | floor | floor that reads | reached | target | |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let Row { work, callie, floor, reader, reached, target, well } = row;
        println!(
            "| {work} | {callie} | {floor} | {reader} | {reached} | {target} | {} |",
            if *well { "met" } else { "MISSED" }
        );
    }
}
