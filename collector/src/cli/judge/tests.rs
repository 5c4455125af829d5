use super::*;

fn judged(text: &str) -> (String, usize) {
    let mut out = Vec::new();
    let name = Path::new("rows.csv");
    let n_empty = judge(text.as_bytes(), name, &mut out, Options::default()).unwrap();
    (String::from_utf8(out).unwrap(), n_empty)
}

fn refused(text: &str) -> String {
    let name = Path::new("rows.csv");
    let error = judge(text.as_bytes(), name, io::sink(), Options::default()).unwrap_err();
    format!("{error:#}")
}

#[test]
fn rows_are_echoed_with_score_and_band() {
    let (out, n_empty) =
        judged("TimeStamp,Value\n2026-03-02 00:00:00,5\n2026-03-02 00:01:00,5.0\n");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "timestamp,value,score,lower,expected,upper");
    assert_eq!(lines[1], "2026-03-02 00:00:00,5,0.000000,,,");
    assert!(
        lines[2].starts_with("2026-03-02 00:01:00,5.0,0.000000,"),
        "{out}"
    );
    assert_eq!(lines[2].split(',').nth(4), Some("5"), "{out}");
    assert_eq!((lines.len(), n_empty), (3, 0));
}

#[test]
fn a_spike_scores_and_the_rows_before_do_not_know_of_it() {
    let rows = |last: &str| {
        let quiet = (0..5000).map(|row| format!("{},{}\n", row * 300, 100 + row * 7 % 5));
        format!(
            "timestamp,value\n{}{},{last}\n",
            quiet.collect::<String>(),
            5000 * 300
        )
    };
    let ((spike, _), (quiet, _)) = (judged(&rows("200")), judged(&rows("102")));
    let (spike, quiet): (Vec<_>, Vec<_>) = (spike.lines().collect(), quiet.lines().collect());
    assert_eq!(spike[..5001], quiet[..5001]);
    let score = |line: &str| line.split(',').nth(2).unwrap().parse::<f64>().unwrap();
    assert!(score(spike[5001]) > 0.6 && score(quiet[5001]) < 0.5);
}

#[test]
fn rows_without_a_value_are_left_out_and_those_without_a_number_score_nothing() {
    let (out, n_empty) = judged("timestamp,value\n0,1\n60,\n120,NaN\n\n180,inf\n240,1\n");
    assert_eq!((out.lines().count(), n_empty), (5, 1), "{out}");
    assert!(out.contains("\n120,NaN,0.000000,"), "{out}");
    assert!(out.contains("\n180,inf,0.000000,"), "{out}");
}

#[test]
fn mistakes_name_file_and_line() {
    assert!(refused("").contains("rows.csv is empty"));
    assert!(refused("a,b\n").starts_with("rows.csv:1: there is no column"));
    let said = refused("timestamp,value\n0,1\n60,x\n");
    assert!(said.starts_with("rows.csv:3: `x` is no number"), "{said}");
    let said = refused("timestamp,value\nnever,1\n");
    assert!(said.starts_with("rows.csv:2: `never` is no time"), "{said}");
}
