//! The contract of a store as tests: every rule is one named case, generic over how a store is made. A store's
//! crate says `orchd_testkit::store_contract!(make);` in a test, and each case becomes a `#[test]` of its own.

pub mod barring;
pub mod boarding;
pub mod claiming;
pub mod committing;
pub mod creating;
pub mod guarding;
pub mod holding;
pub mod inbox;
pub mod lab;
pub mod ledger;
pub mod observe;
pub mod operating;
pub mod projecting;
pub mod providing;
pub mod random;
pub mod viewing;

use std::any::Any;
use std::sync::Arc;

use orchd_core::port::board::Board;
use orchd_core::port::clock::Clock;
use orchd_core::port::store::Store;

use crate::MemoryStore;

pub use lab::Lab;
pub use random::{Parted, Seen, Trial, agree};

/// A store with its board.
pub trait FullStore: Store + Board {}

impl<S: Store + Board + ?Sized> FullStore for S {}

/// A fresh, empty store under test.
#[derive(Clone)]
pub struct Subject {
    /// The store.
    pub store: Arc<dyn FullStore>,
    /// What must outlive it: a temporary directory, for instance.
    pub keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl Subject {
    /// A store that needs nothing beside it.
    pub fn new(store: impl FullStore + 'static) -> Self {
        Self { store: Arc::new(store), keep: None }
    }

    /// A store with something that must outlive it.
    pub fn keeping(store: impl FullStore + 'static, keep: impl Any + Send + Sync) -> Self {
        Self { store: Arc::new(store), keep: Some(Arc::new(keep)) }
    }
}

/// How a store is made, with the clock it takes its time from.
pub type Make = fn(Arc<dyn Clock>) -> Subject;

/// Makes the store in memory: what others are compared with.
pub fn memory(clock: Arc<dyn Clock>) -> Subject {
    Subject::new(MemoryStore::new(clock))
}

/// One `#[test]` per rule of the store's contract. `$make` is a [`contract::Make`](crate::contract::Make).
#[macro_export]
macro_rules! store_contract {
    ($make:path) => {
        $crate::store_contract_cases! { $make;
            creating {
                a_task_is_born_as_its_birth_says
                inc_37_sequence_numbers_are_given_in_the_creating_transaction
                a_repeated_creation_makes_no_second_row
                a_live_issue_is_not_started_twice
                the_next_life_has_a_number_and_a_branch_of_its_own
                inc_31_two_issues_of_one_key_never_share_an_identity
                a_finished_task_does_not_take_the_key
                a_task_needs_a_known_repository
                a_new_life_wakes_who_waits_for_the_issue
                a_known_repository_is_left_alone
            }
            inbox {
                an_input_wakes_its_task
                a_duplicate_input_changes_nothing
                an_input_of_a_repository_makes_it_due
                an_input_needs_a_known_address
                inputs_are_read_oldest_first
                a_terminal_task_answers_its_inputs
                an_unconsumed_input_keeps_its_task_due
                what_became_of_an_input_can_be_asked
                tasks_are_decided_in_the_order_they_became_due
                a_wake_leaves_an_earlier_due_time
                the_longest_waiting_repository_goes_first
            }
            viewing {
                candidates_are_of_the_repository_and_stand_so_in_their_rows
                a_created_task_is_a_candidate_when_its_dependencies_are_done
                a_candidate_waits_since_its_candidacy_began
                names_are_of_those_in_the_repository
                a_dependency_stands_as_its_latest_life
                money_is_summed_over_the_project_since_a_moment
                a_jobs_rows_are_those_of_its_address
                what_is_unknown_is_not_loaded
                lists_are_in_a_fixed_order
                events_are_read_in_pages
                an_inventory_has_every_row
                an_inventory_has_the_queue_beside_the_row
                an_inventory_is_of_one_moment
            }
            committing {
                a_commit_stores_the_row_and_its_events
                inc_07_a_stale_decision_changes_nothing
                a_stale_epoch_changes_nothing
                a_commit_raises_the_epoch_only_with_a_change
                a_commit_is_applied_once
                an_input_is_consumed_once
                a_task_is_due_when_the_commit_says
                a_task_woken_meanwhile_stays_due
                a_commit_can_wake_the_rest_of_the_repository
                a_commit_can_wake_who_waits_for_its_issue
                a_repository_commit_compares_its_epoch
                a_repository_commit_consumes_inputs_once
                a_repository_commit_can_wake_its_tasks
                events_grow_over_the_whole_store
            }
            guarding {
                nothing_leaves_a_terminal_stage
                a_terminal_row_may_still_change
                a_row_keeps_its_identity
                an_unknown_task_is_not_committed
                an_input_of_another_address_is_not_consumed
                at_most_one_active_pipeline_job_per_task
                a_repository_has_no_pipeline_job
                a_job_id_is_used_once
                only_its_own_job_is_told_to_end
                a_refused_commit_leaves_no_trace
            }
            ledger {
                an_intent_is_stored_with_its_target_and_key
                at_most_one_open_effect_per_task
                at_most_one_open_effect_per_target
                an_applied_effect_is_never_repeated
                a_refused_effect_may_be_tried_again
                a_closed_effect_stays_closed
                only_its_own_effect_is_moved
                only_the_current_token_may_send
                an_expired_lease_may_not_send
                only_an_intent_is_sent
            }
            claiming {
                a_queued_job_has_no_owner_run_or_start
                a_claim_gives_a_lease
                side_jobs_go_first_then_priority_then_age
                the_present_priority_of_the_task_counts
                a_job_is_not_claimed_before_its_time
                a_claim_takes_no_more_than_it_may
                running_pipeline_jobs_are_limited_over_all_owners
                while_drained_only_side_jobs_are_claimed
                tokens_only_grow
                concurrent_claims_never_share_a_job
            }
            barring {
                jobs_of_an_open_provider_are_passed_over
                when_its_time_has_come_they_go_one_by_one
                a_run_from_before_is_not_the_one_that_tries
                a_claim_looks_behind_those_it_passes_over
                of_a_half_open_provider_only_the_probe_is_claimed
                a_used_up_quota_keeps_them_until_it_resets
                what_else_a_claim_obeys_still_counts
            }
            holding {
                a_lease_is_extended_by_its_holder_only
                an_expired_lease_is_not_extended
                a_running_job_that_is_told_to_end_hears_it
                a_queued_job_that_is_told_to_end_is_over
                a_finished_job_is_not_told_to_end
                a_settled_job_is_a_fact_and_wakes
                a_settlement_is_counted_once
                a_stale_token_settles_nothing
                an_expired_lease_may_settle_until_it_is_taken
                a_fact_never_replaces_another_input
                a_queued_jobs_fact_never_replaces_another_input
                a_released_job_is_queued_again
                a_released_job_that_was_told_to_end_is_over
                leases_expire_by_the_stores_own_time
                a_new_process_takes_over_running_jobs
            }
            projecting {
                a_dirtied_surface_is_behind_until_it_is_acknowledged
                what_is_acknowledged_is_the_row_as_rendered
                an_acknowledgement_is_never_lowered
                a_deferred_surface_is_tried_again_in_time
                only_what_was_ever_dirtied_is_acknowledged
                surfaces_come_in_the_order_of_their_tasks
            }
            providing {
                a_provider_is_changed_with_its_task
                a_stale_provider_changes_nothing
                a_provider_that_was_relied_on_is_compared
                a_provider_keeps_its_identity
                providers_are_listed_by_id
                a_commit_can_wake_all_others
                a_person_closes_a_provider
                a_provider_that_was_closed_by_hand_bars_nothing
            }
            operating {
                draining_is_seen_and_wakes_everybody
                everybody_unfinished_is_woken
                a_dependency_is_declared_once
                a_dependency_that_is_removed_wakes_its_task
                a_dependency_needs_a_known_task
                a_dependency_that_closes_a_cycle_is_not_stored
            }
            boarding {
                the_board_numbers_issues_per_project
                concurrent_issues_get_keys_of_their_own
                an_issue_shows_its_status
                an_unknown_issue_shows_nothing
                a_pull_request_is_known_by_its_head
            }
        }
    };
}

/// The expansion of [`store_contract!`].
#[doc(hidden)]
#[macro_export]
macro_rules! store_contract_cases {
    ($make:path; $($group:ident { $($case:ident)* })*) => {$(
        mod $group {
            #[allow(unused_imports, reason = "a path from a crate's root needs none of it")]
            use super::*;
            $(
                #[test]
                fn $case() {
                    let lab = $crate::contract::Lab::new($make);
                    $crate::block_on($crate::contract::$group::$case(&lab));
                }
            )*
        }
    )*};
}

#[cfg(test)]
mod tests;
