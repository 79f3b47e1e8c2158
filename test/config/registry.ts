import { Type } from 'typebox'
import type { TransformFactory } from '../../src/core/ports.ts'
import { Registry } from '../../src/core/registry.ts'
import { Closed } from '../../src/core/schema.ts'
import { DRIVERS } from '../../src/drivers/index.ts'
import { builtinStores } from '../../src/stores/builtin.ts'
import { builtinTransforms } from '../../src/transforms/builtin.ts'

const maskCard: TransformFactory = {
  name: 'mask-card',
  schema: Closed({ field: Type.Optional(Type.String({ default: 'card', description: 'Field to mask.' })) }),
  create: () => message => message,
}

/** Everything built in, and one transform as a plug-in would bring it. */
export async function testRegistry(): Promise<Registry> {
  const drivers = await Promise.all(DRIVERS.map(entry => entry.load()))
  return new Registry()
    .add(builtinTransforms)
    .add(builtinStores)
    .add({ name: 'test', drivers, transforms: [maskCard] })
}
