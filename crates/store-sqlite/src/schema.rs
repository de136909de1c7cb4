//! The tables as diesel's query builder sees them: those that a typed query reads or writes. The whole
//! schema, with the rules that it enforces, is `migrations/sqlite`; a test compares the two.

diesel::table! {
    repo (id) {
        id -> Text,
        project -> Text,
        epoch -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    task (seq) {
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
    task_body (seq) {
        seq -> BigInt,
        version -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    transition (id) {
        id -> Text,
        task -> Nullable<Text>,
        repo -> Nullable<Text>,
        version -> BigInt,
        at -> BigInt,
    }
}

diesel::table! {
    event (seq) {
        seq -> BigInt,
        task -> Nullable<Text>,
        repo -> Nullable<Text>,
        at -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    input (place) {
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
    job (place) {
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
        token -> Nullable<BigInt>,
        owner -> Nullable<Text>,
        run -> Nullable<Text>,
        started_at -> Nullable<BigInt>,
        until -> Nullable<BigInt>,
        told_to_end -> Nullable<Text>,
        fact -> Nullable<Text>,
    }
}

diesel::table! {
    effect (place) {
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
    dependency (task, on_key) {
        task -> Text,
        on_key -> Text,
        source -> Text,
    }
}

diesel::table! {
    issue (place) {
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
    pull (place) {
        place -> BigInt,
        repo -> Text,
        head -> Text,
        title -> Text,
        text -> Text,
        open -> Bool,
    }
}

diesel::joinable!(task_body -> task (seq));
diesel::allow_tables_to_appear_in_same_query!(task, task_body);
