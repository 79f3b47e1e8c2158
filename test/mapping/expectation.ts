import { type Content, type Shown, show } from './amqp-bytes.ts'

/** RabbitMQ 4 sorts the headers of a message. */
export function sorted(content: Content): Content {
  return { ...content, fields: content.fields.toSorted((a, b) => Buffer.compare(a.name, b.name)) }
}

/** What Sluice has added to a message: headers under its prefix that were not sent. */
export function notSent(names: readonly Buffer[]): (name: string) => boolean {
  const sent = new Set(names.map(String))
  return name => name.startsWith('sluice-') && !sent.has(name)
}

/** A message as it has to come back. What did not say how durable it is to be stored is stored durably: docs/mapping.md. */
export function expectedBack(sent: Content, hide: (name: string) => boolean = () => false): Shown {
  const properties = new Map([['delivery-mode', Buffer.from([2])], ...sent.properties])
  return show({ ...sent, properties }, hide)
}
