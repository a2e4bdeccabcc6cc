// What of a bundle's images still has to be loaded: bytes that the engine has are not counted, and none twice.

import t from 'tap';
import { borrowedBytes, imageLoads } from '../../../src/deploy/image-loads.ts';
import type { BundleImage } from '../../../src/release/index.ts';

const layer = (name: string, unpackedBytes: number): BundleImage['layers'][number] => ({
  ...{ diffId: `sha256:${name}`, digest: `sha256:z${name}`, sizeBytes: unpackedBytes / 2, unpackedBytes },
});
const image = (service: string, ...layers: BundleImage['layers']) =>
  ({ services: [service], repository: `x/${service}`, layers }) as unknown as BundleImage;

const base = layer('base', 1000);
const app = image('app', base, layer('app', 10));
const worker = image('worker', base, layer('worker', 20));
const mysql = image('mysql', layer('os', 500), layer('db', 300));
const none = (): boolean => false;
const bytesOf = (...args: Parameters<typeof imageLoads>): number[] =>
  imageLoads(...args).map(({ loadBytes }) => loadBytes);

t.test('on an empty engine all of it is loaded, and a shared layer once', async (t) => {
  t.strictSame(bytesOf([app, worker, mysql], none, []), [1010, 20, 800]);
  t.match(imageLoads([app], none, []), [{ services: ['app'], repository: 'x/app', bytes: 1010 }]);
});

t.test('a change of the app alone loads only what is above the base that is there', async (t) => {
  t.strictSame(bytesOf([app, worker], none, [['sha256:base', 'sha256:old-app']]), [10, 20]);
});

t.test('a layer that is there only above other layers is loaded', async (t) => {
  t.strictSame(bytesOf([app], none, [['sha256:other', 'sha256:base']]), [1010]);
});

t.test('an image that is there whole needs nothing, and does not excuse the next one', async (t) => {
  t.strictSame(
    bytesOf([app, worker], (one) => one === app, []),
    [0, 1020],
  );
});

t.test('what a delta left out is borrowed once, of images that are missing', async (t) => {
  const omits = [base.digest, mysql.layers[0]!.digest];
  t.equal(borrowedBytes([app, worker, mysql], omits, none), 1500);
  t.equal(
    borrowedBytes([app, worker, mysql], omits, (one) => one === mysql),
    1000,
  );
});
