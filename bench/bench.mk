# Included by the Makefile. What may be set: SECONDS_PER_RUN (3), ROUNDS (3), SOAK_MINUTES (10), PROGRAM_CORE (0), LOAD_CORE (1).
.PHONY: bench bench-guard bench-decide bench-policy bench-extauthz bench-event-loop bench-reconcile bench-propagation bench-memory bench-report

# One after the other, whatever -j says: they share two cores.
bench: binaries build ## Every bench (50 min on a quiet machine)
	$(NODE) bench/guard/main.ts
	$(NODE) bench/decide/main.ts
	$(NODE) bench/policy-size/main.ts
	$(NODE) bench/extauthz/main.ts
	$(NODE) bench/event-loop/main.ts
	$(NODE) bench/reconcile/main.ts
	$(NODE) bench/propagation/main.ts
	$(NODE) bench/memory/main.ts

bench-guard: build ## The guard beside Envoy and nginx: rates, latency, memory, start, soak (15 min)
	$(NODE) bench/guard/main.ts

.PHONY: bench-previous
bench-previous: build ## This tree's guard and that of BASE=<commit> in turn: rates and memory, 9 rounds (5 min)
	$(NODE) bench/previous/main.ts

bench-decide: install ## decide() beside OPA, and a new token beside a bare signature check (2 min)
	$(NODE) bench/decide/main.ts

bench-policy: build ## 100,000 clients and 10,000 rules beside 10 and 10 (5 min)
	$(NODE) bench/policy-size/main.ts

bench-extauthz: build ## Envoy and nginx asking our external authorizer (6 min)
	$(NODE) bench/extauthz/main.ts

bench-event-loop: install ## The main threads while what is long comes, beside an idle twin (5 min)
	$(NODE) bench/event-loop/main.ts

.PHONY: bench-open-calls
bench-open-calls: install ## From a change to the end of the calls that it closes, 1,000 and 10,000 open (5 min)
	$(NODE) bench/open-calls/main.ts 1000
	$(NODE) bench/open-calls/main.ts 10000

bench-reconcile: binaries build ## AccessKeys beside bare writes: rates, writes and calls a key (KEYS="1000 10000"; 10 min)
	$(NODE) bench/reconcile/main.ts $(KEYS)

bench-propagation: binaries build ## From an acknowledged write to the last of 1,000 guards, and to the end of open streams (ISSUERS=1; 5 min)
	$(NODE) bench/propagation/main.ts $(ISSUERS)

bench-memory: binaries build ## Memory of operator, issuer, guard by number of keys (KEYS="0 1000 10000", 100000 takes an hour; 15 min)
	$(NODE) bench/memory/main.ts $(KEYS)

bench-report: install ## Tables and plots of the last results into docs/performance.md
	$(NODE) bench/report/main.ts
