//! What the files at the top of a project show, kind by kind.

use super::ways;

/// Files with their text, and the commands that are proposed.
fn seen(files: &[(&str, &str)]) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the top")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    ways(dir.path()).into_iter().map(|way| way.command).collect()
}

#[test]
fn each_kind_of_project_is_seen() {
    let script = r#"{"scripts": {"test": "jest"}}"#;
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("Cargo.toml", "[package]\nname = \"x\"")], "cargo test"),
        (&[("Cargo.toml", "[workspace]\nmembers = []")], "cargo test --workspace"),
        (&[("go.mod", "module x")], "go test ./..."),
        (&[("package.json", script)], "npm install && npm test"),
        (&[("package.json", script), ("package-lock.json", "{}")], "npm ci && npm test"),
        (&[("package.json", script), ("pnpm-lock.yaml", "")], "pnpm install --frozen-lockfile && pnpm test"),
        (&[("package.json", script), ("yarn.lock", "")], "yarn install --frozen-lockfile && yarn test"),
        (&[("pyproject.toml", "[project]\nname = \"x\""), ("uv.lock", "")], "uv run pytest"),
        (&[("setup.py", ""), ("tox.ini", "[tox]")], "tox"),
        (&[("pyproject.toml", "[tool.tox]\nlegacy = 1")], "tox"),
        (&[("pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"\"")], "python3 -m pytest"),
        (&[("setup.py", "tests_require=['pytest']")], "python3 -m pytest"),
        (&[("setup.py", ""), ("tests/test_x.py", "")], "python3 -m unittest discover -s tests"),
        (&[("pom.xml", "<project/>")], "mvn -B test"),
        (&[("pom.xml", "<project/>"), ("mvnw", "")], "./mvnw -B test"),
        (&[("build.gradle.kts", ""), ("gradlew", "")], "./gradlew test"),
        (&[("build.gradle", "")], "gradle test"),
        (
            &[("CMakeLists.txt", "enable_testing()")],
            "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure",
        ),
        (&[("Makefile", "all:\n\ttrue\ntest: all\n\ttrue\n")], "make test"),
        (&[("makefile", "check :\n\ttrue\n")], "make check"),
    ];
    for (files, command) in cases {
        assert_eq!(seen(files), [*command], "{files:?}");
    }
}

#[test]
fn what_has_no_tests_is_not_taken_for_one_that_has() {
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[("README.md", "make test")],
        &[("package.json", r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#)],
        &[("package.json", r#"{"name": "x"}"#)],
        &[("package.json", "not JSON")],
        &[("Cargo.toml", "= no TOML")],
        &[("CMakeLists.txt", "project(x)")],
        &[("Makefile", "test := 1\ntests:\n\ttrue\n")],
        &[("setup.py", "")],
    ];
    for files in cases {
        assert_eq!(seen(files), Vec::<String>::new(), "{files:?}");
    }
}

#[test]
fn of_several_the_build_of_the_language_comes_first() {
    let files = [("Makefile", "test:\n\tcargo test\n"), ("Cargo.toml", "[package]\nname = \"x\"")];
    assert_eq!(seen(&files), ["cargo test", "make test"]);
}
