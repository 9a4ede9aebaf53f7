# The same policy as our snapshot: a client has roles, a role has rules, a rule allows methods on a path template.
package latchkey

default allow := false

allow if {
	some role in data.grants[input.client]
	some rule in data.roles[role]
	input.method in rule.methods
	glob.match(rule.path, ["/"], input.path)
}
