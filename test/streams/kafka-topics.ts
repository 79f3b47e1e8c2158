import type { Admin, ITopicConfig } from 'kafkajs'
import { until } from './ends.ts'

/** Makes topics and waits for their leaders. kafkajs' own waiting gives up when a broker has not heard of a topic yet. */
export async function createTopics(admin: Admin, topics: ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics })
  const names = topics.map(({ topic }) => topic)
  await until(`${names.join(', ')} have leaders`, async () => {
    const found = await admin.fetchTopicMetadata({ topics: names }).catch(() => undefined)
    const partitions = found?.topics.map(one => one.partitions) ?? []
    return (
      partitions.length === topics.length &&
      partitions.every(each => each.length > 0 && each.every(({ leader }) => leader >= 0)) &&
      topics.every(({ numPartitions }, i) => {
        const there = found!.topics.find(one => one.name === names[i])!.partitions.length
        return numPartitions === undefined || numPartitions === there
      })
    )
  })
}
