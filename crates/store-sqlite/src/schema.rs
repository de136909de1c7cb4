//! The tables as diesel's query builder sees them: what a typed query reads or writes of them. The whole
//! schema, with the rules that it enforces, is `migrations/sqlite`.

diesel::table! {
    repos (id) {
        id -> Text,
        project -> Text,
        epoch -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    tasks (seq) {
        seq -> BigInt,
        id -> Text,
        project -> Text,
        repo -> Text,
        key -> Text,
        life -> BigInt,
        stage -> Text,
        version -> BigInt,
        wakes -> BigInt,
        due_at -> Nullable<BigInt>,
        candidacy -> Text,
        candidacy_since -> Nullable<BigInt>,
        priority -> BigInt,
        paused -> Bool,
        held -> Bool,
        stopping -> Bool,
    }
}

diesel::table! {
    task_bodies (seq) {
        seq -> BigInt,
        version -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    transitions (id) {
        id -> Text,
        task -> Nullable<Text>,
        repo -> Nullable<Text>,
        version -> BigInt,
        at -> BigInt,
    }
}

diesel::table! {
    events (seq) {
        seq -> BigInt,
        task -> Nullable<Text>,
        repo -> Nullable<Text>,
        at -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    inputs (place) {
        place -> BigInt,
        id -> Text,
        task -> Nullable<Text>,
        repo -> Nullable<Text>,
        at -> BigInt,
        body -> Text,
        outcome -> Nullable<Text>,
        code -> Nullable<Text>,
        why -> Nullable<Text>,
    }
}

diesel::table! {
    jobs (place) {
        place -> BigInt,
        id -> Text,
        task -> Nullable<Text>,
        repo -> Nullable<Text>,
        kind -> Text,
        class -> Text,
        state -> Text,
        priority -> BigInt,
        created_at -> BigInt,
        available_at -> BigInt,
        spec -> Text,
        attempt -> BigInt,
        provider -> Nullable<Text>,
    }
}

diesel::table! {
    effects (place) {
        place -> BigInt,
        id -> Text,
        task -> Text,
        target -> Text,
        key -> Text,
        state -> Text,
        body -> Text,
        observed -> Text,
    }
}

diesel::table! {
    dependencies (task, on_key) {
        task -> Text,
        on_key -> Text,
        source -> Text,
    }
}

diesel::table! {
    issues (place) {
        place -> BigInt,
        project -> Text,
        number -> BigInt,
        key -> Text,
        title -> Text,
        description -> Text,
        status -> Text,
        line -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    pulls (place) {
        place -> BigInt,
        repo -> Text,
        head -> Text,
        title -> Text,
        text -> Text,
        open -> Bool,
    }
}

diesel::joinable!(task_bodies -> tasks (seq));
diesel::allow_tables_to_appear_in_same_query!(tasks, task_bodies, dependencies);
