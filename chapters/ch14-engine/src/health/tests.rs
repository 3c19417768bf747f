//! Docker's rules for health.

use super::*;

fn config(test: &[&str]) -> HealthConfig {
    HealthConfig { test: test.iter().map(|word| (*word).into()).collect(), ..HealthConfig::default() }
}

fn check(config: &HealthConfig) -> HealthCheck {
    HealthCheck::resolve(Some(config), &ContainerConfig::default()).expect("sense").expect("a check")
}

fn result(exit_code: i32) -> ProbeResult {
    let start = Timestamp::UNIX_EPOCH;
    ProbeResult { start, end: start, exit_code, output: String::new() }
}

#[test]
fn what_the_wish_leaves_open_is_the_images() {
    let of_image = HealthConfig { interval: 7_000_000, retries: 9, ..config(&["CMD", "probe", "-v"]) };
    let image = ContainerConfig { healthcheck: Some(of_image), ..ContainerConfig::default() };
    let wish = HealthConfig { retries: 2, ..HealthConfig::default() };
    let check = HealthCheck::resolve(Some(&wish), &image).expect("sense").expect("a check");
    assert_eq!((check.config.interval, check.config.retries), (7_000_000, 2));
    assert_eq!(check.args, ["probe", "-v"].map(Text::from));
    let none = HealthCheck::resolve(Some(&config(&["NONE"])), &image).expect("sense").expect("a check");
    assert!(!none.is_on());
    assert_eq!(HealthCheck::resolve(None, &ContainerConfig::default()), Ok(None));
}

#[test]
fn a_text_is_run_by_the_images_shell() {
    assert_eq!(check(&config(&["CMD-SHELL", "true || x"])).args, ["/bin/sh", "-c", "true || x"].map(Text::from));
    let shell = Some(["ash", "-ec"].map(str::to_owned).into());
    let image = ContainerConfig { shell, ..ContainerConfig::default() };
    let check = HealthCheck::resolve(Some(&config(&["CMD-SHELL", "x"])), &image).expect("sense").expect("a check");
    assert_eq!(check.args, ["ash", "-ec", "x"].map(Text::from));
    for unknown in [&["SHELL", "x"][..], &[]] {
        assert!(!self::check(&config(unknown)).is_on(), "{unknown:?}");
    }
}

#[test]
fn spans_that_make_no_sense_are_refused_in_dockers_words() {
    let said = |config: HealthConfig| {
        HealthCheck::resolve(Some(&config), &ContainerConfig::default()).expect_err("nonsense").to_string()
    };
    assert_eq!(
        said(HealthConfig { interval: 999_999, ..HealthConfig::default() }),
        "Interval in Healthcheck cannot be less than 1ms"
    );
    assert_eq!(
        said(HealthConfig { start_period: -1, ..HealthConfig::default() }),
        "StartPeriod in Healthcheck cannot be less than 1ms"
    );
    assert_eq!(
        said(HealthConfig { retries: -1, ..HealthConfig::default() }),
        "Retries in Healthcheck cannot be negative"
    );
}

#[test]
fn three_failures_in_a_row_are_too_many_and_one_success_forgives_all() {
    let (check, mut health) = (check(&config(&["CMD", "probe"])), Health::default());
    let mut statuses = Vec::new();
    for code in [1, 1, 0, 1, -1, 2, 1, 0] {
        health.take(result(code), &check, Duration::from_secs(1));
        statuses.push((health.status.name(), health.failing_streak));
    }
    let expected = [
        ("starting", 1),
        ("starting", 2),
        ("healthy", 0),
        ("healthy", 1),
        ("healthy", 2),
        ("unhealthy", 3),
        ("unhealthy", 4),
        ("healthy", 0),
    ];
    assert_eq!(statuses, expected);
    assert_eq!(health.log.iter().map(|result| result.exit_code).collect::<Vec<_>>(), [1, -1, 2, 1, 0]);
}

#[test]
fn in_the_start_period_failures_do_not_count_until_it_was_well_once() {
    let wish = HealthConfig { start_period: 10_000_000_000, retries: 1, ..config(&["CMD", "probe"]) };
    let (check, mut health) = (check(&wish), Health::default());
    let early = Duration::from_secs(9);
    health.take(result(1), &check, early);
    assert_eq!((health.status, health.failing_streak), (HealthStatus::Starting, 0));
    assert_eq!(check.interval(early, health.status), Duration::from_secs(5));
    health.take(result(0), &check, early);
    assert_eq!(check.interval(early, health.status), Duration::from_secs(30));
    health.take(result(1), &check, early);
    assert_eq!(health.status, HealthStatus::Unhealthy);
    let mut late = Health::default();
    late.take(result(1), &check, Duration::from_secs(10));
    assert_eq!(late.status, HealthStatus::Unhealthy);
}
