// A Backstage with the scaffolder, its catalogue and two actions of ours, for recording.
const { createBackend } = require('@backstage/backend-defaults');
const { createBackendModule } = require('@backstage/backend-plugin-api');
const { scaffolderActionsExtensionPoint, createTemplateAction } = require('@backstage/plugin-scaffolder-node');

const echo = createTemplateAction({
  id: 'corpus:echo',
  description: 'Gives back what it was given.',
  supportsDryRun: true,
  schema: { input: { type: 'object' }, output: { type: 'object', properties: { given: {} } } },
  async handler(ctx) { ctx.output('given', ctx.input); },
});
const fail = createTemplateAction({
  id: 'corpus:fail',
  description: 'Fails, unless only is false.',
  supportsDryRun: true,
  schema: { input: { type: 'object' } },
  async handler(ctx) {
    if (ctx.input.only === false) { ctx.output('passed', true); return; }
    throw new Error(ctx.input.message);
  },
});
const corpus = createBackendModule({
  pluginId: 'scaffolder',
  moduleId: 'corpus',
  register(reg) {
    reg.registerInit({
      deps: { actions: scaffolderActionsExtensionPoint },
      async init({ actions }) { actions.addActions(echo, fail); },
    });
  },
});
const backend = createBackend();
for (const name of [
  'plugin-auth-backend', 'plugin-auth-backend-module-guest-provider', 'plugin-catalog-backend',
  'plugin-catalog-backend-module-scaffolder-entity-model', 'plugin-scaffolder-backend',
  'plugin-scaffolder-backend-module-gitea', 'plugin-scaffolder-backend-module-github',
  'plugin-scaffolder-backend-module-gitlab', 'plugin-scaffolder-backend-module-azure',
  'plugin-scaffolder-backend-module-bitbucket-server', 'plugin-scaffolder-backend-module-gerrit',
]) backend.add(require('@backstage/' + name).default);
backend.add(corpus);
backend.start();
