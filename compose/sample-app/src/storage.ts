// Attachments in the object store, streamed both ways: a large file never lies in memory.

import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Metrics } from './metrics.ts';
import type { Settings } from './settings.ts';

export class Storage {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #metrics: Metrics;

  constructor(settings: Settings['storage'], metrics: Metrics) {
    this.#bucket = settings.bucket;
    this.#metrics = metrics;
    this.#client = new S3Client({
      endpoint: settings.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: settings.accessKey, secretAccessKey: settings.secretKey },
      maxAttempts: 2,
      // The app keeps its own SHA-256; not every S3 server knows the newer checksum trailers.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: 2_000, requestTimeout: 60_000 },
    });
  }

  async ping(signal: AbortSignal): Promise<void> {
    const command = new HeadBucketCommand({ Bucket: this.#bucket });
    await this.#metrics.timed('storage', () => this.#client.send(command, { abortSignal: signal }));
  }

  /** Does nothing when the bucket is there. */
  async createBucket(): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: this.#bucket })).catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
    });
  }

  /** Stores exactly `sizeBytes` bytes and returns their SHA-256. */
  async put(key: string, body: Readable, sizeBytes: number, mediaType: string): Promise<string> {
    const hash = createHash('sha256');
    const measured = body.pipe(
      new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk);
          done(null, chunk);
        },
      }),
    );
    // A browser that goes away must end the upload too; `pipe` alone does not carry that on.
    body.once('error', (error) => measured.destroy(error));
    body.once('close', () => body.readableEnded || measured.destroy(new Error('The upload was cut off.')));
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      Body: measured,
      ContentLength: sizeBytes,
      ContentType: mediaType,
    });
    await this.#metrics.timed('storage', () => this.#client.send(command));
    return hash.digest('hex');
  }

  async get(key: string): Promise<Readable> {
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key });
    const { Body } = await this.#metrics.timed('storage', () => this.#client.send(command));
    if (Body instanceof Readable) return Body;
    throw new Error('The object store answered without a body.');
  }

  async remove(key: string): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.#bucket, Key: key });
    await this.#metrics.timed('storage', () => this.#client.send(command));
  }

  close(): void {
    this.#client.destroy();
  }
}
