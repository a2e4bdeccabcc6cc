// The stack's folder, its data volumes, and its containers. Compose does the work; health decides.

import { rm } from 'node:fs/promises';
import { isOnsteadError, OnsteadError } from '../../base/errors.ts';
import type { Executor } from '../../journal/index.ts';
import {
  findDrift,
  isOurVolume,
  keepStack,
  makeVolume,
  raiseStack,
  removeVolumeMadeBy,
  restoreStack,
  servicesOf,
  writeStack,
  type StackFiles,
} from '../../stack/index.ts';
import { readFact, writeFact, clearFact } from '../facts.ts';
import type { InstallSteps } from '../install-plan.ts';
import { reloadEdge } from '../reload-edge.ts';
import { renderKept } from '../stack-files.ts';
import { containersOf, removeContainersOf, type DeployTools } from '../tools.ts';

const HEALTHY_WITHIN_MS = 10 * 60_000;
const SETTLES_WITHIN_MS = 3_000;

export function makeVolumesStep(tools: DeployTools): Executor<InstallSteps['make-volumes']> {
  return {
    async holds({ volumes }) {
      const engine = await tools.engine();
      const ours = await Promise.all(volumes.map(({ name, owner }) => isOurVolume(engine, name, owner)));
      return ours.every(Boolean);
    },
    async apply({ project, volumes }, { operation }) {
      const engine = await tools.engine();
      for (const { key, name, owner } of volumes) {
        const stackFolder = tools.paths.stack;
        if (!(await isOurVolume(engine, name, owner))) {
          await makeVolume(engine, { key, name, owner, project, stackFolder, operation });
        }
      }
    },
    async undo({ missing }, { operation }) {
      const engine = await tools.engine();
      for (const name of missing) await removeVolumeMadeBy(engine, name, operation);
    },
  };
}

export function writeStackStep(tools: DeployTools): Executor<InstallSteps['write-stack']> {
  return {
    async holds(input) {
      return (await findDrift(tools.paths.stack, await renderKept(tools, input))).length === 0;
    },
    async apply(input) {
      const files = await renderKept(tools, input);
      if (!input.isNew) {
        await keepStack(tools.paths.stack, tools.paths.stackBefore);
        await stopReadersOf(tools, input.project, files);
      }
      await writeStack(tools.paths.stack, files);
      if (!input.isNew) await reloadEdge(tools);
      if (readFact(tools.journal, 'holderImage') === undefined) {
        writeFact(tools.journal, 'holderImage', input.holderImage);
      }
    },
    async undo({ isNew }, { signal }) {
      if (!isNew) return putBack(tools, signal);
      await rm(tools.paths.stack, { recursive: true, force: true });
      clearFact(tools.journal, 'holderImage');
    },
  };
}

/** A service reads its configuration when it starts; nginx alone takes it up while it runs. */
async function stopReadersOf(tools: DeployTools, project: string, files: StackFiles): Promise<void> {
  const changed = servicesOf(await findDrift(tools.paths.stack, files));
  const engine = await tools.engine();
  for (const service of changed) {
    const [container] = await engine.containers.list({ project, service });
    if (container?.labels['onstead.role'] !== 'nginx') await removeContainersOf(tools, project, [service]);
  }
}

/** A repair that failed leaves the stack as it found it: the files of before, and containers that follow them. */
async function putBack({ paths, compose }: DeployTools, signal: AbortSignal): Promise<void> {
  if (!(await restoreStack(paths.stack, paths.stackBefore))) return;
  await raiseStack(await compose(), { isWhole: true, signal });
}

export function startServicesStep(tools: DeployTools): Executor<InstallSteps['start-services']> {
  return {
    async holds({ project, services }, { signal }) {
      const containers = await containersOfAll(tools, project, services);
      if (containers.length === 0) return false; // a first start; Compose would take its time to say so
      const compose = await tools.compose();
      if ((await compose.pending({ services, noDeps: true, signal })).length > 0) return false;
      return containers.every(({ health }) => health === 'healthy' || health === 'none');
    },
    async apply({ project, services }, context) {
      const compose = await tools.compose();
      const up = () => compose.up({ services, noDeps: true, signal: context.signal });
      await up().catch(async (error: unknown) => {
        if (!isOnsteadError(error, 'compose.failed')) throw error;
        // An engine that was restarted in the middle left one half down and told Compose of the other half.
        await tools.clock.sleep(SETTLES_WITHIN_MS, context.signal);
        await up();
      });
      const engine = await tools.engine();
      const all = await containersOfAll(tools, project, services);
      if (all.length === 0) throw nothingStarted(services);
      let ready = 0;
      await engine.containers.waitHealthy(
        all.map(({ id }) => id),
        {
          timeoutMs: HEALTHY_WITHIN_MS,
          signal: context.signal,
          onState: (state) => {
            if (state.ready) ready += 1;
            context.progress({
              done: ready,
              total: all.length,
              unit: 'items',
              note: `${state.name} ${state.health}`,
            });
          },
        },
      );
      return `${all.length} ${all.length === 1 ? 'container' : 'containers'} healthy`;
    },
    async undo({ project, absent }) {
      // MySQL hears no signal while it makes its first files; what it had committed survives a kill.
      await removeContainersOf(tools, project, absent, { timeoutSeconds: 10 });
      await removeEmptyNetworks(tools, project);
    },
  };
}

async function containersOfAll(tools: DeployTools, project: string, services: readonly string[]) {
  return (await Promise.all(services.map((service) => containersOf(tools, project, service)))).flat();
}

async function removeEmptyNetworks(tools: DeployTools, project: string): Promise<void> {
  const engine = await tools.engine();
  if ((await engine.containers.list({ project })).length > 0) return;
  const networks = await engine.networks.list({ labels: [`com.docker.compose.project=${project}`] });
  for (const { name } of networks) await engine.networks.remove(name);
}

function nothingStarted(services: readonly string[]): OnsteadError {
  return new OnsteadError(
    'compose.started-nothing',
    `Compose started no container of ${services.join(', ')}.`,
    {
      next: "Run `docker compose up` in the stack's folder to see why.",
    },
  );
}
