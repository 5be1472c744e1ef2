/** A setting of the services: what it may be and what it means. Its flag and its variable follow from its name. */
export interface Setting {
  readonly placeholder: string;
  readonly description: string;
  readonly default?: string;
  readonly allowed: RegExp;
  /** What is allowed, in words. */
  readonly want: string;
}

export type Settings = Readonly<Record<string, Setting>>;

/** Values by name; those with a default are always there. */
export type ValuesOf<S extends Settings> = {
  readonly [Name in keyof S]: S[Name] extends { readonly default: string } ? string : string | undefined;
};

export type Values = Readonly<Record<string, string | undefined>>;

type Defaulted = Setting & { readonly default: string };

export function url(byDefault: string, description: string): Defaulted {
  return {
    placeholder: 'URL',
    allowed: /^https?:\/\/[^\s?#@]{1,300}$/,
    want: 'https://HOST[:PORT][/PATH], without user, password, ? or #',
    default: byDefault,
    description,
  };
}

export function name(byDefault: string, description: string): Defaulted {
  return { placeholder: 'NAME', allowed: /^[\w.:/@ -]{1,200}$/, want: 'a name', default: byDefault, description };
}

export function file(description: string): Setting {
  return { placeholder: 'FILE', allowed: /^[^\0]{1,4096}$/, want: 'the path of a file', description };
}

/** The first one is the default. */
export function oneOf(names: readonly [string, ...string[]], description: string): Defaulted {
  return {
    placeholder: names.join('|'),
    allowed: new RegExp(`^(${names.join('|')})$`),
    want: `one of ${names.join(', ')}`,
    default: names[0],
    description,
  };
}
