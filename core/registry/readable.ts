import type { AccessGrant } from '../api/access-grant.ts'
import type { AccessKey } from '../api/access-key.ts'
import type { ApiClient } from '../api/api-client.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import type { Role } from '../api/role.ts'
import { isCredentialKind } from '../base/credential-kinds.ts'
import { audienceOf } from './ids.ts'
import { inspectService } from './inspect-service.ts'
import { vouchedKeys } from './keys.ts'
import {
  clientOfKey,
  clientsOfGrant,
  roleOfGrant,
  rolesOfKey,
  serviceAccountsOfClient,
  servicesOfRole,
  targetOfService,
} from './reach.ts'
import { grantRow } from './slice.ts'

// Each throws where the rules would stumble over an object, by reading of it what they read. The schema refuses such an object
// when it is written. One that was stored under another schema would otherwise end whoever looks at all objects together, and
// with that everybody's policy.

export function readClient(client: ApiClient): void {
  serviceAccountsOfClient(client)
  client.spec.clientId?.startsWith('')
}

export function readKey(key: AccessKey): void {
  clientOfKey(key)
  rolesOfKey(key)
  vouchedKeys(key)
}

export function readRole(role: Role): void {
  servicesOfRole(role)
}

export function readGrant(grant: AccessGrant): void {
  clientsOfGrant(grant)
  roleOfGrant(grant)
  grantRow(grant, new Map())
}

export function readService(service: GuardedService): void {
  targetOfService(service)
  audienceOf(service)
  inspectService(service, undefined)
  for (const kind of service.spec.accepts ?? []) isCredentialKind(kind)
}
