import type { Command } from 'commander'
import { composeEverything } from '../app/compose.ts'
import { testsSchema } from '../app/route-tests/test-schema.ts'
import { buildSchema } from '../config/json-schema.ts'
import { EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

const HELP = `
Editors with a YAML language server complete and check routes.yaml when its
first line is
  # yaml-language-server: $schema=./routes.schema.json

Examples:
  $ sluice schema > routes.schema.json
  $ sluice schema -c my/routes.yaml           with the plug-ins of this file
  $ sluice schema --tests > route-tests.schema.json
`

export function addSchema(program: Command, terminal: Terminal, done: (code: number) => void): void {
  program
    .command('schema')
    .description('print the JSON Schema of routes.yaml')
    .option('-c, --config <file>', 'also describe what the plug-ins of this file bring')
    .option('--tests', 'of files of tests instead (sluice test)')
    .addHelpText('after', HELP)
    .action(async ({ config, tests }: { config?: string; tests?: boolean }) => {
      const schema = tests === true ? testsSchema() : buildSchema(await composeEverything(config))
      terminal.raw(JSON.stringify(schema, null, 2))
      done(EXIT.ok)
    })
}
