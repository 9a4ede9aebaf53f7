import { generateKeyPairSync } from 'node:crypto'
import { clientRow, es256Key, keyPair, keyRow, mainKey, serviceRow, snapshotOf } from '../fixture.ts'

/** A fresh key: making it takes a while. */
export const rsaKey = keyPair('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)

/** The main client's, one of each algorithm. */
export const threeKeys = [mainKey, es256Key, rsaKey]
export const threeKeyRows = [serviceRow(), clientRow({ keys: threeKeys.map(key => keyRow(key)) })]
/** In which it has them. */
export const threeKeySnapshot = snapshotOf(threeKeyRows)
