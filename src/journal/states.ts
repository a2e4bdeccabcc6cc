// The life of an operation in two tables: what may follow what, and what the daemon does with each state it
// finds when it starts. A state that is missing in either does not compile.

export const operationStates = [
  'planned',
  'running',
  'verifying',
  'done',
  'rolling-back',
  'rolled-back',
  'stuck',
] as const;
export type OperationState = (typeof operationStates)[number];

export const transitions: Record<OperationState, readonly OperationState[]> = {
  planned: ['running', 'rolling-back', 'stuck'],
  running: ['verifying', 'done', 'rolling-back', 'stuck'],
  verifying: ['done', 'rolling-back', 'stuck'],
  done: [],
  'rolling-back': ['rolled-back', 'stuck'],
  'rolled-back': [],
  stuck: ['running', 'rolling-back'], // by a person only: resume, or give up
};

/** What a daemon that finds this state at its start does: go on, go back, or leave it. */
export const resumeRules: Record<OperationState, 'forward' | 'back' | 'leave'> = {
  planned: 'forward',
  running: 'forward',
  verifying: 'forward',
  done: 'leave',
  'rolling-back': 'back',
  'rolled-back': 'leave',
  stuck: 'leave',
};

export const stepStates = ['pending', 'running', 'done', 'skipped', 'failed', 'undoing', 'undone'] as const;
export type StepState = (typeof stepStates)[number];

/** Which steps an undo has to look at: everything that may have left an effect behind. */
export const mayHaveEffect: Record<StepState, boolean> = {
  pending: false,
  running: true,
  done: true,
  skipped: false, // its effect stood before the operation began, so it is not ours to remove
  failed: true,
  undoing: true,
  undone: false,
};

export function mayMove(from: OperationState, to: OperationState): boolean {
  return transitions[from].includes(to);
}

export function isOver(state: OperationState): boolean {
  return transitions[state].length === 0;
}
