import { expect, test } from 'vitest'
import { kafkaError } from '../../../src/drivers/kafka/errors.ts'

test.each(['NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'])('%s names the setting of the topic', apiId => {
  const error = kafkaError(Object.assign(new Error('Received response with error'), { apiId }), 'publishing to orders')
  expect(error).toMatchObject({
    code: 'UNAVAILABLE',
    fate: 'retry',
    message: `publishing to orders: fewer replicas are in sync than \`min.insync.replicas\` of the topic asks for (${apiId})`,
  })
})
