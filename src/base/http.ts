// Node's HTTP without `import`: importing `node:http` evaluates its every export, one of which loads all of undici
// (14 MB of resident memory and 20 ms).

export const http = process.getBuiltinModule('node:http');
