// A certified OpenID Connect provider with forms of its own to log in by: node provider.mjs PORT REDIRECT_URI. Its keys are new at each start.
import { Provider } from 'oidc-provider';
import { exportJWK, generateKeyPair } from 'jose';

const [port, back] = process.argv.slice(2);
const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const GROUPS = { anna: ['everybody', 'fleet-managers'], bob: ['everybody'] };
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: 'fleet', client_secret: 'the secret', redirect_uris: [back], response_types: ['code'] }],
  claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
  cookies: { keys: ['throw-away'] },
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `${id} Real`, groups: GROUPS[id] }) }),
});
provider.listen(Number(port), 'localhost', () => console.log('listening'));
