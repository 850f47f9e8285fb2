import { chosenArgument, defineCommand } from '../frame/command.js';
import { exitCodes } from '../frame/exit-codes.js';

export const completionCommand = defineCommand({
  about: 'Kept in a file that the shell reads at its start; it asks tidemark itself, so it is never out of date.',
  arguments: { shell: chosenArgument('SHELL', { choices: ['bash', 'zsh', 'fish'], says: 'which shell' }) },
  options: {},
  examples: [
    { command: 'source <(tidemark completion bash)', says: 'in ~/.bashrc' },
    { command: 'source <(tidemark completion zsh)', says: 'in ~/.zshrc, after compinit' },
    { command: 'tidemark completion fish > ~/.config/fish/completions/tidemark.fish', says: 'once' },
  ],
  async run({ out }, { args }) {
    const { completionScript } = await import('../frame/completion.js');
    completionScript(args.shell, out);
    return exitCodes.done;
  },
});
