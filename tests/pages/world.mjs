// An agent with a forge of its own: a repository that git fetches over plain HTTP, statuses that
// are taken and forgotten, and webhooks that are signed as GitHub's are.

import { execFileSync, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { join } from 'node:path';

const SECRET = 'a secret of the tests alone';
const NAME = 'octo/hello';

const SPEC = `
commands:
  testOnPush:
    filter: main
    run: |
      exec >&2
      i=0
      echo '1   : connect'
      echo '1   : [0.0s] | connected'
      echo '1   : connect DONE [0.0s]'
      echo
      echo '2   : build'
      while [ $i -lt 300 ]; do i=$((i+1)); printf '2   : [0.1s] | \\033[36mstep\\033[0m %d of the build\\n' $i; [ $((i%10)) = 0 ] && sleep 0.25; done
      echo '2   : build DONE [7.0s]'
      echo
      echo '3   : test'
      echo '3   : [0.2s] | \\033[32mok\\033[0m  greeting'
      printf '3   : [0.2s] | \\033[31m--- FAIL: TestFarewell\\033[0m <b>not markup</b>\\n'
      echo '3   : test ERROR [0.3s]'
      echo
      echo 'Error: exit code: 1'
      exit 1
  lintOnPush:
    run: printf '\\033[1mlint\\033[0m \\033[32mok\\033[0m\\n'
  quickOnPush:
    filter: quick
    run: echo too quick; exit 1
  slowOnPush:
    filter: slow
    run: exec sleep 600
  longOnPush:
    filter: long
    run: seq -f 'line %.0f of a log that goes on and on, with text enough to come to about a hundred bytes each' 1 1000000
  docsOnPush: {run: 'echo docs', on-changes: "docs/**"}
  deployOnPush: {run: 'echo deploy', filter: release}
`;

// What strangers' pull requests are for: a module, as the stand-in for dagger reads it.
const MODULE = {
  'ci/dagger.json': { name: 'ci', engineVersion: 'v0.21.8', sdk: { source: 'go' } },
  'ci/stand-in.json': {
    functions: [
      { name: 'testOnPullRequest', args: ['eventTrigger: File!'], does: [{ exec: 'echo all is well' }] },
      { name: 'deployOnPush', args: ['stage: String!'] },
    ],
  },
};

// What a push to a branch of modules alone runs: steps that end well, that were cached, that fail.
const STEPS = {
  'ci/dagger.json': MODULE['ci/dagger.json'],
  'ci/stand-in.json': {
    functions: [
      {
        name: 'testOnPush',
        does: [
          { print: 'the tests begin' },
          { exec: 'echo built' },
          { exec: 'seq -f "ok case %.0f" 1 40; echo "--- FAIL: TestFarewell" >&2; exit 3' },
        ],
      },
      { name: 'manyOnPush', does: [{ spans: 5000 }, { exec: 'echo not this time >&2; exit 1' }] },
    ],
  },
};

const git = (where, ...args) =>
  execFileSync('git', ['-C', where, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], { encoding: 'utf8' }).trim();

async function freePort() {
  const socket = createSocket();
  await new Promise((done) => socket.listen(0, '127.0.0.1', done));
  const { port } = socket.address();
  await new Promise((done) => socket.close(done));
  return port;
}

export async function world(binary, folder) {
  const bare = join(folder, 'forge', `${NAME}.git`);
  const work = join(folder, 'work');
  mkdirSync(bare, { recursive: true });
  mkdirSync(work);
  writeFileSync(join(folder, 'engine.sock'), 'up');
  git(bare, 'init', '-q', '--bare', '-b', 'main');
  git(work, 'init', '-q', '-b', 'main');
  git(work, 'remote', 'add', 'origin', bare);
  const forge = createServer((request, response) => {
    const { pathname, search } = new URL(request.url, 'http://forge');
    if (pathname.includes('.git/')) {
      fetched(join(folder, 'forge'), pathname, search.slice(1), request, response);
      return;
    }
    request.resume();
    response.writeHead(request.method === 'POST' ? 201 : 404, { 'content-type': 'application/json' });
    response.end('{}');
  });
  await new Promise((done) => forge.listen(0, '127.0.0.1', done));
  const root = `http://127.0.0.1:${forge.address().port}`;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child = null;
  // However this ends, nothing goes on without it.
  process.on('exit', () => child?.kill('SIGKILL'));

  const agent = {
    url,
    // Starts the agent, and waits until it answers.
    async start(more = {}) {
      child = spawn(binary, ['serve'], {
        env: {
          PATH: process.env.PATH,
          HOME: folder,
          POCKETCI_LISTEN: `127.0.0.1:${port}`,
          POCKETCI_DATA_DIR: join(folder, 'data'),
          POCKETCI_GITHUB_URL: root,
          POCKETCI_HOST_COMMANDS: 'allow',
          POCKETCI_PUBLIC_RUNS: 'all',
          POCKETCI_DRAIN_TIMEOUT: '20s',
          POCKETCI_LOG_LIMIT: '200 MB',
          POCKETCI_DAGGER: process.env.POCKETCI_TEST_DAGGER,
          _EXPERIMENTAL_DAGGER_RUNNER_HOST: `unix://${folder}/engine.sock`,
          POCKETCI_PARALLELISM: '3',
          X_HUB_SIGNATURE: SECRET,
          GITHUB_USERNAME: 'tests',
          GITHUB_TOKEN: 'nothing',
          ...more,
        },
        stdio: ['ignore', 'ignore', process.env.LOUD ? 'inherit' : 'ignore'],
      });
      for (let tries = 0; tries < 600; tries++) {
        try {
          if ((await fetch(`${url}/healthz`)).ok) return;
        } catch {
          // Not yet.
        }
        await new Promise((done) => setTimeout(done, 100));
      }
      throw new Error('The agent does not answer');
    },
    async stop() {
      if (!child) return;
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
      child = null;
    },
    async close() {
      await agent.stop();
      forge.closeAllConnections();
      forge.close();
    },
    // Makes a token by the command line on the agent's own machine.
    token(name, scope) {
      const env = { PATH: process.env.PATH, HOME: folder, POCKETCI_DATA_DIR: join(folder, 'data') };
      return execFileSync(binary, ['tokens', 'create', '--name', name, '--scope', scope], { env, encoding: 'utf8' }).trim();
    },
    // A pull request of somebody's fork.
    async pull(number, title) {
      git(work, 'checkout', '-q', '--detach', 'main');
      git(work, 'rm', '-q', 'pocketci.yaml');
      mkdirSync(join(work, 'ci'));
      for (const [path, content] of Object.entries(MODULE)) writeFileSync(join(work, path), JSON.stringify(content));
      git(work, 'add', '-A');
      git(work, 'commit', '-q', '-m', 'Use a module');
      const base = git(work, 'rev-parse', 'HEAD');
      git(work, 'push', '-q', '-f', 'origin', 'HEAD:refs/heads/modules');
      writeFileSync(join(work, 'note.txt'), randomUUID());
      git(work, 'commit', '-q', '-a', '-m', title);
      git(work, 'push', '-q', 'origin', `HEAD:refs/pull/${number}/head`);
      const sha = git(work, 'rev-parse', 'HEAD');
      const side = (full, ref, commit) =>
        ({ label: ref, ref, sha: commit, user: { login: full.split('/')[0], id: 2 }, repo: repository(root, full) });
      const user = { login: 'mallory', id: 2 };
      return agent.deliver('pull_request', {
        action: 'opened',
        number,
        pull_request: {
          number, title, user, state: 'open', draft: false, merged: false, body: null, labels: [],
          html_url: `${root}/${NAME}/pull/${number}`,
          head: side('mallory/hello', 'patch', sha),
          base: side(NAME, 'modules', base),
          author_association: 'FIRST_TIME_CONTRIBUTOR',
        },
        repository: repository(root),
        sender: user,
      });
    },
    // Commits to a branch and tells the agent; the delivery's status code.
    async push(message, branch = 'main') {
      const known = git(work, 'branch', '--list', branch) !== '';
      if (known) git(work, 'checkout', '-q', branch);
      else if (existsSync(join(work, 'pocketci.yaml'))) git(work, 'checkout', '-q', '-b', branch);
      writeFileSync(join(work, 'pocketci.yaml'), SPEC);
      return agent.pushed(message, branch, known);
    },
    // Commits what lies there, and tells the agent.
    async pushed(message, branch, known) {
      writeFileSync(join(work, 'note.txt'), randomUUID());
      git(work, 'add', '-A');
      git(work, 'commit', '-q', '-m', message);
      git(work, 'push', '-q', 'origin', `HEAD:${branch}`);
      const after = git(work, 'rev-parse', 'HEAD');
      return agent.deliver('push', {
        ref: `refs/heads/${branch}`,
        before: known ? git(work, 'rev-parse', 'HEAD~1') : '0'.repeat(40),
        after,
        created: !known,
        deleted: false,
        forced: false,
        head_commit: { id: after, message, timestamp: '', url: '', author: { name: 'Ada', email: 'ada@example.com' } },
        repository: repository(root),
        sender: { login: 'ada', id: 1 },
      });
    },
    // Pushes a module to a branch that has nothing else.
    async pushSteps(message) {
      git(work, 'checkout', '-q', '-B', 'steps', 'main');
      git(work, 'rm', '-q', 'pocketci.yaml');
      mkdirSync(join(work, 'ci'), { recursive: true });
      for (const [path, content] of Object.entries(STEPS)) writeFileSync(join(work, path), JSON.stringify(content));
      return agent.pushed(message, 'steps', false);
    },
    async deliver(event, content) {
      const body = JSON.stringify(content);
      const signature = createHmac('sha256', SECRET).update(body).digest('hex');
      const answer = await fetch(`${url}/`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'x-github-event': event,
          'x-github-delivery': randomUUID(),
          'x-hub-signature-256': `sha256=${signature}`,
        },
      });
      return answer.status;
    },
    async json(path) {
      return (await fetch(`${url}/api/v1${path}`)).json();
    },
  };
  await agent.start();
  return agent;
}

// What git's own server program says, passed on as CGI programs say it.
function fetched(root, path, query, request, response) {
  const program = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.headers['git-protocol'] ?? '',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(program.stdin).on('error', () => {});
  const said = [];
  program.stdout.on('data', (data) => said.push(data));
  program.stdout.on('end', () => {
    const all = Buffer.concat(said);
    const end = all.indexOf('\r\n\r\n');
    const headers = {};
    let status = 200;
    for (const line of all.subarray(0, end).toString().split('\r\n')) {
      const [name, value] = line.split(/: (.*)/);
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else if (name) headers[name] = value;
    }
    response.writeHead(status, headers);
    response.end(all.subarray(end + 4));
  });
}

function repository(root, full = NAME) {
  return {
    id: full === NAME ? 1 : 2,
    name: 'hello',
    full_name: full,
    private: false,
    fork: full !== NAME,
    owner: { login: full.split('/')[0], id: full === NAME ? 1 : 2 },
    html_url: `${root}/${full}`,
    clone_url: `${root}/${full}.git`,
    default_branch: 'main',
  };
}
