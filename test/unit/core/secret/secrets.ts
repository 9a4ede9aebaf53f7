/** Made by hand with Python's zlib, hashlib and base64 from 32 bytes of 0, of 0 to 31, and of 255. */
export const knownSecrets = [
  {
    random: Buffer.alloc(32),
    secret: 'lks_00000000000000000000000000000000000000000003GTfko',
    hash: '5ZRzFp23oiG_KdWeynMwk62AwORuc2FHoz-K328E-_o',
    keyId: 'acc_4wkhgfu5w6rcdpzj2wpmu4zqso',
    apiKey:
      'YWNjXzR3a2hnZnU1dzZyY2Rwemoyd3BtdTR6cXNvOmxrc18wMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM0dUZmtv',
  },
  {
    random: Buffer.from(Array.from({ length: 32 }, (_, at) => at)),
    secret: 'lks_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2uwvvG',
    hash: 'epoMPkWk8IVRjRR0wA_jm2561ySRlegndQ3yOAzo4M0',
    keyId: 'acc_pknaypsfutyikumncr2mad7dtn',
    apiKey:
      'YWNjX3BrbmF5cHNmdXR5aWt1bW5jcjJtYWQ3ZHRuOmxrc18wMDNhVWxUSkM3dGpsQ1RRajJ1TlUzTUZhZ0NYRzlMUktSY3dHa0JJRGxmMnV3dnZH',
  },
  {
    random: Buffer.alloc(32, 255),
    secret: 'lks_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10TMIFu',
    hash: '4SeZ1elPAlJfG2XN6VgfCMCWDTnZodVHmJFBoUHgu1c',
    keyId: 'acc_4etztvpjj4bfexy3mxg6swa7bd',
    apiKey:
      'YWNjXzRldHp0dnBqajRiZmV4eTNteGc2c3dhN2JkOmxrc195aGpza3dkQTZPWjFBTDFZbUhXWldtOExMRzdIam51Q0EyajVyT3c4WHAxMFRNSUZ1',
  },
] as const
